"""What a hint to install something says is what that user can type."""

import importlib
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

from mese_env import installing

_ROOT = pathlib.Path(__file__).parents[2]
_SOURCES = [
  path.read_text()
  for package in ('experiments', 'gmn_jax', 'mese_env', 'tfds_mese')
  for path in (_ROOT / package).rglob('*.py')
]


@pytest.mark.parametrize(
  ('place', 'all_of_it', 'one_extra'),
  [
    (None, 'python -m pip install -e .', "python -m pip install -e '.[tpu]'"),
    ('site-packages', 'python -m pip install gmn-jax', "python -m pip install 'gmn-jax[tpu]'"),
  ],
)
def test_a_checkout_is_installed_from_and_a_wheel_by_its_name(
  place, all_of_it, one_extra, tmp_path, monkeypatch
):
  if place:
    monkeypatch.setattr(installing, '__file__', str(tmp_path / place / 'mese_env/installing.py'))
  assert (installing.command(), installing.command('tpu')) == (all_of_it, one_extra)


def test_every_extra_that_is_named_is_there():
  named = re.compile(r'installing\.command\([\'"](\w+)')
  hints = [name for text in _SOURCES for name in named.findall(text)]
  extras = tomllib.loads((_ROOT / 'pyproject.toml').read_text())['project']['optional-dependencies']
  assert hints and set(hints) <= set(extras)


# As where the environment alone is installed.
_ALONE = """
import sys
for name in ('jax', 'flax', 'optax', 'orbax', 'grain', 'tensorflow_datasets', 'array_record'):
  sys.modules[name] = None
"""


@pytest.mark.parametrize(
  'arguments',
  [
    ['train'],
    ['active', 'apoe-small'],
    ['demo'],
    ['parity'],
    ['data'],
    ['export', '--workdir=x', '--to=y'],
    ['compare'],
  ],
  ids=lambda arguments: arguments[0],
)
def test_a_command_whose_packages_are_not_there_says_what_installs_them(arguments):
  script = f'{_ALONE}\nsys.argv = ["gmn", *{arguments}]\nfrom gmn_jax.__main__ import main\nmain()'
  ran = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, cwd=_ROOT)
  assert ran.returncode == 2 and ran.stderr.count('\n') == 1
  said = rf'error: gmn {arguments[0]} needs \w+, which is not installed; `python -m pip install '
  assert re.match(said, ran.stderr)


@pytest.mark.parametrize('name', ['load', 'train', 'config'])
def test_a_name_of_gmn_jax_whose_packages_are_not_there_is_one_sentence(name):
  script = f"""{_ALONE}
import gmn_jax
from mese_env.errors import UserError
try:
  gmn_jax.{name}
except UserError as error:
  print(error)
"""
  ran = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, cwd=_ROOT)
  assert ran.stdout.startswith(f'gmn_jax.{name} needs jax, which is not installed; `python -m pip')


def test_a_module_that_an_installed_package_lacks_is_no_missing_package():
  with pytest.raises(ModuleNotFoundError), installing.explain_missing('this'):
    importlib.import_module('numpy.no_such_module')
