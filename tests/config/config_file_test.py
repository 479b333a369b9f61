"""A config file of one's own: what is wrong with it is one sentence that names it."""

import pathlib

import pytest

from experiments import main
from mese_env.errors import UserError

_GOOD = """
from ml_collections import ConfigDict
from gmn_jax import config
def get_config(preset='small'):
  fields = config.preset(preset).to_dict()
  {change}
  return ConfigDict(fields)
"""
_NO_PRESET = _GOOD.replace("preset='small'", '').replace('(preset)', "('small')")
_NEEDS_PRESET = _GOOD.replace("='small'", '')


def _parse(tmp_path: pathlib.Path, text: str, *arguments: str, preset: str = '') -> main.Command:
  file = tmp_path / 'mine.py'
  file.write_text(text)
  return main.parse(['main.py', f'--config={file}{preset}', *arguments])


def test_a_file_of_one_s_own_is_read_and_changed_as_those_that_come_along(tmp_path):
  text = _GOOD.format(change="fields['width'] = 8")
  command = _parse(tmp_path, text, '--config.steps=7', '--noconfig.opposite', preset=':medium')
  config = command.config
  assert (config.width, config.steps, config.opposite, config.image_size) == (8, 7, False, 32)
  assert command.overrides == {'steps': 7, 'opposite': False}
  assert command.workdir == pathlib.Path('runs/mine-medium')
  # The file may be named apart, and twice: the last one counts.
  split = ['main.py', '--config=nowhere.py', '--config', str(tmp_path / 'mine.py')]
  assert main.parse([*split, '--config.width', '4']).config.width == 4
  assert main.parse([*split, '--config.width', '4']).workdir == pathlib.Path('runs/mine-small')
  # Within the second in which it was written it may be changed.
  for width in (5, 6, 7):
    assert _parse(tmp_path, _GOOD.format(change=f"fields['width'] = {width}")).config.width == width


def test_what_is_wrong_in_the_file_may_be_put_right_on_the_command_line(tmp_path):
  text = _GOOD.format(change="fields['image_size'] = 30")
  assert _parse(tmp_path, text, '--config.image_size=32').config.image_size == 32


def test_fields_are_looked_up_in_the_file_that_is_given(tmp_path):
  text = _GOOD.format(change="fields['wdth_of_mine'] = 8")
  with pytest.raises(UserError, match=r"mine.py: config has no field 'wdth_of_mine'; .*"):
    _parse(tmp_path, text, '--config.wdth_of_mine=4')
  with pytest.raises(UserError, match="no field 'wdth_of_mne'; did you mean 'wdth_of_mine'"):
    _parse(tmp_path, text, '--config.wdth_of_mne=4')


@pytest.mark.parametrize(
  ('text', 'preset', 'sentence'),
  [
    (_GOOD.format(change="del fields['absent']"), '', "has no 'absent'; start from"),
    (_GOOD.format(change="fields['stepz'] = 4"), '', "no field 'stepz'; did you mean 'steps'"),
    (_GOOD.format(change="fields['steps'] = 'many'"), '', "steps is 'many'; .* whole number"),
    (_GOOD.format(change="fields['steps'] = None"), '', 'steps is None; .* whole number'),
    (_GOOD.format(change="fields['width'] = {'of': 3}"), '', 'width is .* whole number'),
    (_GOOD.format(change='return None'), '', 'returns None; return ml_collections.ConfigDict'),
    (
      _GOOD.format(change='return fields'),
      '',
      'returns an object of type dict; return ml_collections.ConfigDict',
    ),
    (_GOOD.format(change='return 3'), '', 'of type int; return'),
    (_GOOD.format(change='raise ValueError'), '', r'line 6 of .* ValueError \(no reason given\)'),
    (_GOOD.format(change="fields['x']['y']"), '', r"line 6 of .* KeyError \('x'\)"),
    (_GOOD.format(change='raise SystemExit(3)'), '', r'line 6 of .* SystemExit \(3\)'),
    (_GOOD.format(change='import nothing_like_it'), '', 'line 6 of .* ModuleNotFoundError'),
    (_GOOD.format(change='recursive = get_config()'), '', 'RecursionError'),
    (_NO_PRESET.format(change=''), ':small', "takes no preset; leave ':small' out"),
    (_NEEDS_PRESET.format(change=''), '', 'wants a preset; name one, as in --config='),
    (_GOOD.format(change=''), ':huge', "no preset 'huge'"),
    ('', '', r'has no function get_config\(\)'),
    ('get_config = 3', '', r'has no function get_config\(\)'),
    ('def get_config(:', '', 'line 1 of .* SyntaxError'),
    ('\n\nimport nothing_like_it', '', 'line 3 of .* ModuleNotFoundError'),
    ('1 / 0', '', r'line 1 of .* ZeroDivisionError \(division by zero\)'),
    ('\0', '', 'fails with (SyntaxError|ValueError)'),
    ('# just a text\nthis is no program', '', 'line 2 of .* SyntaxError'),
  ],
)
def test_what_is_wrong_with_a_file_is_one_sentence_that_names_it(text, preset, sentence, tmp_path):
  with pytest.raises(UserError, match=sentence) as refused:
    _parse(tmp_path, text, preset=preset)
  assert '\n' not in str(refused.value)
  assert 'mine.py' in str(refused.value) or 'preset' in sentence


@pytest.mark.parametrize('name', ['', ':small', '{folder}', 'nowhere.py', '{folder}/none.py:full'])
def test_a_file_that_there_is_not_is_named(name, tmp_path):
  with pytest.raises(UserError, match='there is no config file .*; use --config=') as refused:
    main.parse(['main.py', f'--config={name.format(folder=tmp_path)}'])
  assert '\n' not in str(refused.value)
