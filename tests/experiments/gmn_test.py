"""`gmn` asks of the same code as the scripts do, with a model where they have a folder."""

import pathlib
import sys
import types

import pytest

from experiments import main, modes
from experiments.gmn import GMN
from mese_env.errors import UserError


def _understood(command: str, *arguments: str) -> main.Command:
  return main.understood(GMN.commands[command].read(f'gmn {command}', arguments))


def test_a_training_is_of_a_config_that_comes_along_or_of_a_file():
  named = _understood('train', '--config=apoe:medium', '--config.steps=7', '--accept_data')
  file = str(pathlib.Path(main.__file__).parent / 'configs' / 'apoe.py')
  script = main.parse(['main.py', f'--config={file}:medium', '--config.steps=7', '--accept_data'])
  assert named == script
  assert (named.workdir, named.config.steps) == (pathlib.Path('runs/apoe-medium'), 7)


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    ([], 'no config is given; use --config=apoe, as in --config=apoe:small --build.'),
    (['--config=poee'], "there is no config file 'poee'; did you mean 'poe'?"),
    (['--mode=density'], 'there is no option --mode; '),
  ],
)
def test_what_a_training_lacks_is_said_with_an_example(arguments, sentence):
  with pytest.raises(UserError) as refused:
    _understood('train', *arguments)
  assert sentence in str(refused.value)


@pytest.mark.parametrize('mode', modes.names())
def test_an_evaluation_is_of_a_model_whose_results_go_to_this_folder(mode, monkeypatch):
  asked = []

  def run_folder(name, into):
    asked.append((name, pathlib.Path(into)))
    return pathlib.Path('where it lies')

  monkeypatch.setitem(sys.modules, 'gmn_jax.models', types.SimpleNamespace(run_folder=run_folder))
  command = _understood(mode, '--best', 'org/apoe-small', '--config.dataset=shepard_metzler_4')
  assert asked == [('org/apoe-small', pathlib.Path('runs/models/apoe-small'))]
  assert (command.workdir, command.mode) == (pathlib.Path('where it lies'), mode)
  assert command.best and command.overrides == {'dataset': 'shepard_metzler_4'}
  script = main.parse(['main.py', '--workdir=x', f'--mode={mode}', '--best'])
  assert command.options == script.options
