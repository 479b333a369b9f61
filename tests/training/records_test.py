"""The lines that a run wrote: damage to them is named, and ends no run."""

import json

import pytest

from experiments.evaluation.learning_curves import read_curves
from gmn_jax.training.metrics import Metrics
from gmn_jax.training.records import read_records
from mese_env.errors import UserError
from tests.tiny_run import tiny_config

_GOOD = [{'step': step, 'split': 'val', 'elbo': -1.0 * step, 'kl': 2.0} for step in (1, 2, 3, 4)]
_BAD = {
  'no JSON': b'{"step": 2, "spl',
  'other bytes': b'\xff\x00\x80{}',
  'an empty line': b'',
  'a number': b'7',
  'a list': b'[1, 2]',
  'without a step': b'{"split": "val", "elbo": 1.0}',
  'a step that is text': b'{"step": "2", "split": "val", "elbo": 1.0}',
  'without a split': b'{"step": 2, "elbo": 1.0}',
  'an ELBO that is text': b'{"step": 2, "split": "val", "elbo": "high"}',
  'deep': b'[' * 100_000,
}


def _write(path, bad):
  lines = [json.dumps(record).encode() for record in _GOOD]
  path.write_bytes(b'\n'.join([lines[0], bad, *lines[1:], b'{"step": 5, "sp']))
  return path.read_bytes()


@pytest.mark.parametrize('bad', _BAD.values(), ids=_BAD)
def test_a_run_goes_on_beside_a_bad_line_and_nothing_of_the_log_is_lost(tmp_path, capsys, bad):
  path = tmp_path / 'metrics.jsonl'
  texts = []
  for _ in range(2):
    texts.append(_write(path, bad))
    with Metrics(tiny_config(), tmp_path, 3) as metrics:
      metrics.validated(4, {'val': {'elbo': -9.0, 'kl': 1.0}})
    assert read_records(path) == [*_GOOD[:3], {'step': 4, 'split': 'val', 'elbo': -9.0, 'kl': 1.0}]
    assert f'line 2 of {path} cannot be read' in capsys.readouterr().err
  aside = sorted(tmp_path.glob('metrics-unreadable*.jsonl'))
  assert [each.read_bytes() for each in aside] == texts


@pytest.mark.parametrize('bad', _BAD.values(), ids=_BAD)
@pytest.mark.parametrize('read', [lambda path: read_curves(path.parent), read_records])
def test_whoever_reads_a_bad_line_is_told_which_one(tmp_path, bad, read):
  path = tmp_path / 'metrics.jsonl'
  _write(path, bad)
  with pytest.raises(UserError, match='line 2 of .* cannot be read') as error:
    read(path)
  assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_what_is_no_file_is_moved_too(tmp_path, capsys):
  for name in ('metrics.jsonl', 'tensorboard'):
    (tmp_path / name).mkdir() if name.endswith('l') else (tmp_path / name).write_text('')
  with Metrics(tiny_config(), tmp_path, 3) as metrics:
    metrics.validated(4, {'val': {'elbo': -9.0, 'kl': 1.0}})
  assert len(read_records(tmp_path / 'metrics.jsonl')) == 1
  errors = capsys.readouterr().err
  assert 'metrics.jsonl cannot be read' in errors and 'the tracker tensorboard failed' in errors
