"""The notebooks run from their first cells to their last, and read well without being run.

One is executed as a new machine would: in an environment without this package, away from a
checkout, so that it installs the package. The others have the same cell for that, and are executed
in this environment, in an empty folder, at the sizes given here.
"""

import pathlib
import shutil
import subprocess
import sysconfig
import venv

import nbclient
import nbformat
import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_FOLDER = _ROOT / 'notebooks'
_PACKAGES = ('gmn_jax', 'mese_env', 'tfds_mese', 'experiments')
_FRESH = '00_play'
# What the cell of parameters is to say besides: few objects, and a model that learns nothing.
_SMALL = {
  'active': 'OBJECTS, LOOKS = 2, 2',
  'mese_tour': 'SIDE = 32',
  'missing_modalities': 'OBJECTS = 4',
  'quickstart_colab': """
STEPS, TRAIN_SCENES, TEST_SCENES = 4, 4, 10
FIELDS = {'image_size': 8, 'width': 2, 'draw_steps': 1, 'batch_size': 2, 'optimizer': 'adam'}
""",
  'your_own_data': 'OBJECTS = 3',
}
_SLOW = ('active', 'missing_modalities', 'quickstart_colab')
_EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600).execute()
nbformat.write(notebook, sys.argv[1])
"""
_NAMES = sorted(path.stem for path in _FOLDER.glob('*.ipynb'))
_MOST_BYTES = 400_000  # with the pictures that are kept


def _read(name):
  return nbformat.read(_FOLDER / f'{name}.ipynb', as_version=4)


def _code(notebook):
  return [cell for cell in notebook.cells if cell.cell_type == 'code']


def _assert_complete(notebook):
  cells = _code(notebook)
  assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
  outputs = [output for cell in cells for output in cell.outputs]
  assert not [output for output in outputs if output.output_type == 'error']
  assert any('image/png' in output.get('data', {}) for output in outputs)


def _smaller(name, parameters):
  """A notebook as it is before it is executed, with other parameters."""
  notebook = _read(name)
  for cell in _code(notebook):
    cell.outputs, cell.execution_count = [], None
  _code(notebook)[0].source += f'\n{parameters}'
  return notebook


@pytest.fixture
def fast(monkeypatch):
  """Of models that learn nothing most of the time is the compiler's."""
  monkeypatch.setenv('JAX_DISABLE_MOST_OPTIMIZATIONS', 'true')
  monkeypatch.setenv('JAX_ENABLE_COMPILATION_CACHE', 'false')


@pytest.fixture
def source(tmp_path):
  """A folder that holds what a clone does of the package."""
  folder = tmp_path / 'clone'
  for name in _PACKAGES:
    shutil.copytree(_ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
    shutil.copy(_ROOT / name, folder)
  return folder


@pytest.fixture
def python(tmp_path):
  """The Python of an environment that has all of this one but this package, installed for editing.

  A line of a .pth file brings a folder of packages, not the hooks that are in it.
  """
  venv.create(tmp_path / 'environment', symlinks=True)
  (site,) = (tmp_path / 'environment').glob('lib/python*/site-packages')
  (site / 'others.pth').write_text(sysconfig.get_path('purelib'))
  return site.parents[2] / 'bin' / 'python'


@pytest.mark.parametrize('name', _NAMES)
def test_it_is_kept_as_it_was_executed_from_top_to_bottom(name):
  assert (_FOLDER / f'{name}.ipynb').stat().st_size < _MOST_BYTES
  notebook = _read(name)
  _assert_complete(notebook)
  outputs = [output for cell in _code(notebook) for output in cell.outputs]
  assert not [output for output in outputs if 'Warning' in str(output.get('text'))]


def test_all_begin_with_parameters_and_install_alike():
  firsts = [_code(_read(name))[:2] for name in _NAMES]
  assert all(parameters.metadata.tags == ['parameters'] for parameters, _ in firsts)
  assert len({install.source for _, install in firsts}) == 1
  assert {*_NAMES} == {*_SMALL, _FRESH}


@pytest.mark.parametrize(
  'name',
  [pytest.param(n, marks=pytest.mark.slow if n in _SLOW else pytest.mark.long) for n in _SMALL],
)
def test_it_runs_from_top_to_bottom(name, tmp_path, fast):
  notebook = _smaller(name, _SMALL[name])
  where = {'metadata': {'path': str(tmp_path)}}
  nbclient.NotebookClient(notebook, timeout=600, resources=where).execute()
  _assert_complete(notebook)


@pytest.mark.long
def test_it_installs_the_package_where_there_is_none(source, python, tmp_path, fast, monkeypatch):
  notebook = _smaller(_FRESH, f'SOURCE = {str(source)!r}')
  imported = (
    f'import {", ".join(_PACKAGES)}\nprint(*(p.__file__ for p in ({", ".join(_PACKAGES)})))'
  )
  notebook.cells.append(nbformat.v4.new_code_cell(imported))
  path = tmp_path / 'elsewhere' / 'notebook.ipynb'
  path.parent.mkdir()
  nbformat.write(notebook, path)
  # What the package needs is here.
  monkeypatch.setenv('PIP_NO_INDEX', 'true')
  monkeypatch.setenv('PIP_NO_BUILD_ISOLATION', 'false')
  monkeypatch.delenv('PYTHONPATH', raising=False)
  done = subprocess.run(
    [python, '-c', _EXECUTE, path], cwd=path.parent, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr[-3000:]
  executed = nbformat.read(path, as_version=4)
  _assert_complete(executed)
  found = executed.cells[-1].outputs[0].text.split()
  assert len(found) == len(_PACKAGES)
  assert all(file.startswith(str(python.parents[1])) for file in found)
