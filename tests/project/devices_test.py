"""A platform that is not there is one sentence, from every command that computes."""

import os
import pathlib
import subprocess
import sys

import jax
import pytest

from gmn_jax.devices import require_devices
from mese_env.errors import UserError

_ROOT = pathlib.Path(__file__).parents[2]
_TRAINED = 'experiments/trained/apoe-small'
_COMMANDS = {
  'train': ['experiments/main.py', '--config=experiments/configs/apoe.py', '--workdir={folder}/x'],
  'evaluation': ['experiments/main.py', f'--workdir={_TRAINED}', '--mode=cost'],
  'export': ['experiments/export.py', f'--workdir={_TRAINED}', '--to={folder}/x'],
  'parity': ['-m', 'gmn_jax.parity'],
  'bench step': ['experiments/bench/step.py', '--config=experiments/configs/apoe.py', '--busy'],
}


@pytest.mark.long
@pytest.mark.parametrize(
  ('name', 'platform'), [('train', 'rocm'), *((name, 'nonsense') for name in _COMMANDS)]
)
def test_a_platform_that_is_not_there_is_a_sentence_with_the_remedy(name, platform, tmp_path):
  done = subprocess.run(
    [sys.executable, *(argument.format(folder=tmp_path) for argument in _COMMANDS[name])],
    cwd=_ROOT,
    env=os.environ | {'JAX_PLATFORMS': platform, 'PYTHONPATH': str(_ROOT)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2, done.stderr
  (said,) = done.stderr.splitlines()
  assert said.startswith(f"error: JAX_PLATFORMS is '{platform}', with which JAX finds no device (")
  assert said.endswith('`python -m mese_env doctor` says what this machine has.')
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('error', [AssertionError(), RuntimeError('\n\n'), RuntimeError('a\nb')])
@pytest.mark.parametrize('chosen', ['cuda', None])
def test_whatever_jax_raises_is_one_sentence(error, chosen, monkeypatch):
  def devices():
    raise error

  monkeypatch.setattr(jax, 'devices', devices)
  monkeypatch.delenv('JAX_PLATFORMS', raising=False)
  if chosen:
    monkeypatch.setenv('JAX_PLATFORMS', chosen)
  begins = f"JAX_PLATFORMS is '{chosen}', with which JAX" if chosen else 'JAX'
  with pytest.raises(UserError, match=rf'^{begins} finds no device \((no reason given|a)\): ') as e:
    require_devices()
  assert '\n' not in str(e.value) and 'JAX_PLATFORMS=cpu' in str(e.value)
