"""The notebook runs from its first cell to its last, and reads well without being run."""

import pathlib

import nbclient
import nbformat
import pytest

_PATH = pathlib.Path(__file__).parents[1] / 'notebooks' / 'quickstart_colab.ipynb'
# In place of the first code cell: a few scenes, and a model that learns nothing.
_TINY = """
TRAIN_SCENES, TEST_SCENES, STEPS, DRAWS, FOLDER = 4, 10, 4, 2, {folder!r}
FIELDS = ['--config.image_size=8', '--config.width=2', '--config.draw_steps=1']
FIELDS += ['--config.batch_size=2', '--config.optimizer=adam']
"""


@pytest.fixture
def notebook():
  return nbformat.read(_PATH, as_version=4)


def _code(notebook):
  return [cell for cell in notebook.cells if cell.cell_type == 'code']


def _pictures(cell):
  return [kind for output in cell.outputs for kind in output.get('data', {}) if 'image/' in kind]


def _with(notebook, word):
  (cell,) = (cell for cell in _code(notebook) if word in cell.source)
  return cell


def _assert_complete(notebook):
  outputs = [output for cell in _code(notebook) for output in cell.outputs]
  assert not [output for output in outputs if output.output_type == 'error']
  assert set(_pictures(_with(notebook, "'generate'"))) == {'image/png', 'image/gif'}
  assert _pictures(_with(notebook, "'density'")) == ['image/png']
  assert _pictures(_with(notebook, "'classify'")) == ['image/png']


def test_it_is_kept_as_it_was_executed_from_top_to_bottom(notebook):
  cells = _code(notebook)
  assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
  _assert_complete(notebook)


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(notebook, tmp_path, monkeypatch):
  monkeypatch.setenv('JAX_DISABLE_MOST_OPTIMIZATIONS', 'true')
  first = _code(notebook)[0]
  assert first.metadata.tags == ['parameters']
  for cell in _code(notebook):
    cell.outputs = []
  first.source = _TINY.format(folder=str(tmp_path))
  client = nbclient.NotebookClient(
    notebook, timeout=600, resources={'metadata': {'path': str(_PATH.parent)}}
  )
  client.execute()
  _assert_complete(notebook)
