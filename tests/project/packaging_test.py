"""What is imported is declared, what is declared is locked, and the lock serves any machine."""

import ast
import importlib.metadata
import pathlib
import re
import runpy
import sys
import tomllib
import urllib.parse

import pytest
import setuptools

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ('gmn_jax', 'mese_env', 'tfds_mese')
# Imported only where the user asks for a Beam build, a checkpoint of the authors' code, or a linear
# probe.
OPTIONAL = {'apache_beam', 'torch', 'sklearn'}


@pytest.fixture(scope='module')
def lock():
  return tomllib.loads((ROOT / 'uv.lock').read_text())


@pytest.fixture
def declared(monkeypatch):
  """The arguments of `setuptools.setup` in setup.py."""
  arguments = {}
  monkeypatch.setattr(setuptools, 'setup', lambda **given: arguments.update(given))
  runpy.run_path(str(ROOT / 'setup.py'))
  return arguments


def name_of(requirement: str) -> str:
  return re.match(r'[\w.-]+', requirement)[0].lower().replace('_', '-')


def imported_modules(folder: pathlib.Path) -> set[str]:
  modules = set()
  for path in folder.rglob('*.py'):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.Import):
        modules |= {alias.name.split('.')[0] for alias in node.names}
      elif isinstance(node, ast.ImportFrom) and node.level == 0:
        modules.add(node.module.split('.')[0])
  return modules


@pytest.mark.parametrize('folder', [*PACKAGES, 'experiments'])
def test_every_imported_distribution_is_declared(folder, declared):
  own = {*PACKAGES, 'experiments'}
  modules = imported_modules(ROOT / folder) - own - set(sys.stdlib_module_names) - OPTIONAL
  distributions = importlib.metadata.packages_distributions()
  names = {name_of(required) for required in declared['install_requires']}
  for module in modules:
    providers = {name_of(provider) for provider in distributions.get(module, [])}
    assert providers & names, f'{folder} imports {module}, which setup.py does not ask for'


def test_lock_is_of_what_setup_asks_for(declared, lock):
  (project,) = (package for package in lock['package'] if package['name'] == 'gmn-jax')
  locked = {
    (required['name'], re.search(r"extra == '(\w+)'", required.get('marker', '')))
    for required in project['metadata']['requires-dist']
  }
  asked = {(name_of(required), None) for required in declared['install_requires']}
  for extra, requirements in declared['extras_require'].items():
    asked |= {(name_of(required), extra) for required in requirements}
  assert {(name, match and match[1]) for name, match in locked} == asked


def test_lock_names_no_place_but_pypi(lock):
  for package in lock['package']:
    source = package['source']
    assert source in ({'registry': 'https://pypi.org/simple'}, {'editable': '.'})
    for file in [*package.get('wheels', []), *filter(None, [package.get('sdist')])]:
      assert urllib.parse.urlsplit(file['url']).netloc == 'files.pythonhosted.org'
      assert file['hash'].startswith('sha256:')
