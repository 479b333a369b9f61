"""The notebook runs from its first cell to its last, and reads well without being run.

It is executed as a new machine would: in an environment without this package, away from a checkout,
so that it clones the repository (a copy of this one) and installs the package from there.
"""

import pathlib
import shutil
import subprocess
import sysconfig
import venv

import nbformat
import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_PATH = _ROOT / 'notebooks' / 'quickstart_colab.ipynb'
_PACKAGES = ('gmn_jax', 'mese_env', 'tfds_mese')
# In place of the first code cell: a few scenes, and a model that learns nothing.
_TINY = """
REPOSITORY = {repository!r}
TRAIN_SCENES, TEST_SCENES, STEPS, DRAWS, FOLDER = 4, 10, 4, 2, 'quickstart'
FIELDS = ['--config.image_size=8', '--config.width=2', '--config.draw_steps=1']
FIELDS += ['--config.batch_size=2', '--config.optimizer=adam', '--config.sample_every=9']
"""
_EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600).execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.fixture
def notebook():
  return nbformat.read(_PATH, as_version=4)


@pytest.fixture
def repository(tmp_path):
  """The address of a repository that holds what this checkout does."""
  folder = tmp_path / 'origin'
  for name in (*_PACKAGES, 'experiments'):
    shutil.copytree(_ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
    shutil.copy(_ROOT / name, folder)
  author = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@localhost']
  for arguments in (['init', '--quiet'], ['add', '.'], [*author, 'commit', '-qm', 'A copy']):
    subprocess.run(['git', *arguments], cwd=folder, check=True)
  return folder.as_uri()


@pytest.fixture
def python(tmp_path):
  """The Python of an environment that has all of this one but this package, installed for editing.

  A line of a .pth file brings a folder of packages, not the hooks that are in it.
  """
  venv.create(tmp_path / 'environment', symlinks=True)
  (site,) = (tmp_path / 'environment').glob('lib/python*/site-packages')
  (site / 'others.pth').write_text(sysconfig.get_path('purelib'))
  return site.parents[2] / 'bin' / 'python'


def _code(notebook):
  return [cell for cell in notebook.cells if cell.cell_type == 'code']


def _pictures(cell):
  return [kind for output in cell.outputs for kind in output.get('data', {}) if 'image/' in kind]


def _with(notebook, word):
  (cell,) = (cell for cell in _code(notebook) if word in cell.source)
  return cell


def _assert_complete(notebook):
  cells = _code(notebook)
  assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
  outputs = [output for cell in cells for output in cell.outputs]
  assert not [output for output in outputs if output.output_type == 'error']
  assert set(_pictures(_with(notebook, "'generate'"))) == {'image/png', 'image/gif'}
  assert _pictures(_with(notebook, "'density'")) == ['image/png']
  assert _pictures(_with(notebook, "'classify'")) == ['image/png']


def test_it_is_kept_as_it_was_executed_from_top_to_bottom(notebook):
  _assert_complete(notebook)


@pytest.mark.long
@pytest.mark.skipif(shutil.which('git') is None, reason='the notebook clones by git')
def test_it_runs_from_top_to_bottom_on_the_installed_package(
  notebook, repository, python, tmp_path, monkeypatch
):
  first = _code(notebook)[0]
  assert first.metadata.tags == ['parameters']
  first.source = _TINY.format(repository=repository)
  for cell in _code(notebook):
    cell.outputs, cell.execution_count = [], None
  path = tmp_path / 'elsewhere' / 'notebook.ipynb'
  path.parent.mkdir()
  nbformat.write(notebook, path)
  # Of a model that learns nothing, most of the time is the compiler's.
  monkeypatch.setenv('JAX_DISABLE_MOST_OPTIMIZATIONS', 'true')
  monkeypatch.setenv('JAX_ENABLE_COMPILATION_CACHE', 'false')
  # What the package needs is here.
  monkeypatch.setenv('PIP_NO_INDEX', 'true')
  monkeypatch.setenv('PIP_NO_BUILD_ISOLATION', 'false')
  done = subprocess.run(
    [python, '-c', _EXECUTE, path], cwd=path.parent, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr[-3000:]
  _assert_complete(nbformat.read(path, as_version=4))
  # The scripts had nothing to import but what was installed.
  clone = path.parent / 'gmn_jax_repository'
  assert (clone / 'experiments' / 'main.py').exists()
  assert not any((clone / package).exists() for package in _PACKAGES)
  where = f'import {", ".join(_PACKAGES)}\nfor p in ({", ".join(_PACKAGES)}): print(p.__file__)'
  found = subprocess.run([python, '-c', where], cwd=path.parent, capture_output=True, text=True)
  assert found.stdout.count(str(python.parents[1])) == len(_PACKAGES), found
