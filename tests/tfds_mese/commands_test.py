"""The flags of the command are told without loading TFDS, and are those that TFDS reads."""

import dataclasses

import pytest

from mese_env.errors import UserError
from tfds_mese.__main__ import Args
from tfds_mese.commands import DATA


def _names(kind):
  """Of all fields, those of its parts included."""
  for field in dataclasses.fields(kind):
    if dataclasses.is_dataclass(field.type):
      yield from _names(field.type)
    else:
      yield field.name


def test_the_flags_are_those_that_tfds_reads():
  read = vars(DATA.default.read('data', []))
  assert read.keys() - {'given', 'passed'} == {*_names(Args)} - {'positional_datasets'}


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    (['--ovewrite'], "no option --ovewrite; did you mean 'overwrite'"),
    (['--num_shards=many'], '--num_shards=many is not a whole number'),
    (['--config_idx=first'], '--config_idx=first is not a whole number'),
    (['verfy', 'x'], "no command 'verfy'; did you mean 'verify'"),
    (['verify'], 'required: DIR'),
    (['stats', 'x', '--per_sensr'], "did you mean 'per_sensor'"),
    (['export', 'x', '--format=parquet'], 'required: --out'),
    (['export', 'x', '--fomat=parquet'], "did you mean 'format'"),
    (['croissant'], 'required: NAME'),
  ],
)
def test_what_is_wrong_with_a_command_line_is_one_sentence(arguments, sentence):
  with pytest.raises(UserError, match=sentence) as refused:
    DATA.carry_out('data', arguments)
  assert '\n' not in str(refused.value)
