"""What is imported is declared, what is declared is locked, and the lock serves any machine."""

import ast
import importlib
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.parse
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ('gmn_jax', 'mese_env', 'tfds_mese')
SHIPPED = (*PACKAGES, 'experiments')
# Of the checkout: what breaks things on purpose, and a model in its own form.
LEFT_OUT = {'experiments/faults', 'experiments/trained'}
# Imported only where the user asks for a Beam build, a checkpoint of the authors' code, a linear
# probe, Parquet files, a model of the hub, a tracker of that name, the environment under Gymnasium,
# or the page of the explorer.
OPTIONAL = {
  'apache_beam',
  'torch',
  'sklearn',
  'pyarrow',
  'huggingface_hub',
  'wandb',
  'mlflow',
  'gymnasium',
  'viser',
}


@pytest.fixture(scope='module')
def lock():
  return tomllib.loads((ROOT / 'uv.lock').read_text())


@pytest.fixture(scope='module')
def declared():
  """The table `project` of pyproject.toml."""
  return tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
  """A wheel, built from a copy, as building leaves things behind."""
  copy, built = tmp_path_factory.mktemp('copy'), tmp_path_factory.mktemp('built')
  for name in SHIPPED:
    shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
    shutil.copy(ROOT / name, copy)
  build = 'import setuptools.build_meta, sys; setuptools.build_meta.build_wheel(sys.argv[1])'
  finished = subprocess.run(
    [sys.executable, '-c', build, str(built)], cwd=copy, capture_output=True, text=True, check=True
  )
  assert 'would be ignored' not in finished.stderr
  (path,) = built.glob('*.whl')
  return zipfile.ZipFile(path)


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
  names = {name_of(required) for required in declared['dependencies']}
  for module in modules:
    providers = {name_of(provider) for provider in distributions.get(module, [])}
    assert providers & names, f'{folder} imports {module}, which pyproject.toml does not ask for'


def test_lock_is_of_what_is_declared(declared, lock):
  (project,) = (package for package in lock['package'] if package['name'] == 'gmn-jax')
  locked = {
    (required['name'], re.search(r"extra == '(\w+)'", required.get('marker', '')))
    for required in project['metadata']['requires-dist']
  }
  asked = {(name_of(required), None) for required in declared['dependencies']}
  for extra, requirements in declared['optional-dependencies'].items():
    asked |= {(name_of(required), extra) for required in requirements}
  assert {(name, match and match[1]) for name, match in locked} == asked


def test_lock_names_no_place_but_pypi(lock):
  for package in lock['package']:
    source = package['source']
    assert source in ({'registry': 'https://pypi.org/simple'}, {'editable': '.'})
    for file in [*package.get('wheels', []), *filter(None, [package.get('sdist')])]:
      assert urllib.parse.urlsplit(file['url']).netloc == 'files.pythonhosted.org'
      assert file['hash'].startswith('sha256:')


@pytest.mark.parametrize('package', PACKAGES)
def test_every_package_says_its_version_and_names(package, declared):
  assert declared['dynamic'] == ['version']
  module = importlib.import_module(package)
  assert module.__version__ == importlib.import_module(PACKAGES[0]).__version__
  for name in module.__all__:
    assert getattr(module, name) is not None


def test_citation_and_changelog_are_of_this_version():
  version = importlib.import_module(PACKAGES[0]).__version__
  assert f'\nversion: {version}\n' in (ROOT / 'CITATION.cff').read_text()
  assert f'\n## [{version}]' in (ROOT / 'CHANGELOG.md').read_text()


@pytest.mark.long
def test_wheel_carries_what_code_and_law_ask_for(wheel):
  version = importlib.import_module(PACKAGES[0]).__version__
  files = set(wheel.namelist())
  tracked = {
    str(path.relative_to(ROOT))
    for package in PACKAGES
    for path in (ROOT / package).rglob('*')
    if path.suffix in ('.py', '.npz', '.json', '.bib', '.txt', '.safetensors')
    or path.name in ('NOTICE', 'README.md')
  }
  assert tracked <= files
  commands = {str(path.relative_to(ROOT)) for path in (ROOT / 'experiments').rglob('*.py')}
  shipped = {file for file in files if file.startswith('experiments/')}
  assert shipped == {file for file in commands if not file.startswith(tuple(LEFT_OUT))}
  assert {file.split('/')[0] for file in files} == {*SHIPPED, f'gmn_jax-{version}.dist-info'}
  assert {f'{package}/py.typed' for package in PACKAGES} <= files
  information = f'gmn_jax-{version}.dist-info'
  assert {
    f'{information}/licenses/LICENSE',
    f'{information}/licenses/mese_env/data/NOTICE',
  } <= files
  metadata = wheel.read(f'{information}/METADATA').decode()
  assert 'License-Expression: Apache-2.0' in metadata
  assert 'Description-Content-Type: text/markdown' in metadata
