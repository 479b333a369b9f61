"""The demo measures and draws with what the evaluations use; here a run of noise, on noise."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from experiments import demo
from mese_env.errors import UserError
from tests import tiny_run
from tfds_mese.dataset import Dataset

_ROOT = pathlib.Path(__file__).parents[2]
VIEWS = demo.LOOKS + demo.CAMERAS


@pytest.fixture
def dataset(monkeypatch):
  monkeypatch.setattr(tiny_run, 'VIEWS', VIEWS)
  scenes = [tiny_run.random_scene(i) for i in range(4)]
  return Dataset({'train': scenes[:2], 'test': scenes[1:]}, {}, {})


@pytest.mark.long
def test_it_has_an_error_for_all_that_is_given_and_a_picture(dataset, monkeypatch, tmp_path):
  monkeypatch.setattr(demo, 'SCENES', 3)
  picture = tmp_path / 'demo.png'
  errors = demo.evaluate(tiny_run.random_run(), dataset, picture)
  assert list(errors) == [
    'own looks and grasps', 'own looks', 'own grasps', "another scene's looks",
    "another scene's grasps", 'nothing', 'no model: the mean training image',
    'no model: the nearest training view',
  ]  # fmt: skip
  assert len(set(errors.values())) == len(errors)
  assert all({given, other} <= errors.keys() for given, other, _ in demo.BOUNDS)
  images = np.stack([scene['images'] for scene in dataset.splits['test']])[:, -demo.CAMERAS :] / 255
  mean = np.stack([scene['images'] for scene in dataset.splits['train']]).mean(axis=(0, 1)) / 255
  expected = np.square(images - mean).mean()
  assert errors['no model: the mean training image'] == pytest.approx(expected, rel=1e-5)
  assert picture.stat().st_size > 0


def test_too_few_scenes_are_named(dataset, tmp_path):
  with pytest.raises(UserError, match='the demo needs 100 scenes and there are 3'):
    demo.evaluate(tiny_run.random_run(), dataset, tmp_path / 'demo.png')


def _processes_of(mark: str) -> list[str]:
  """The command lines of the processes whose environment has a mark."""
  found = []
  for process in pathlib.Path('/proc').glob('[0-9]*'):
    try:
      if mark in (process / 'environ').read_text(errors='replace'):
        found.append((process / 'cmdline').read_text().replace('\0', ' '))
    except OSError:  # It has ended, or is another user's.
      continue
  return [command for command in found if command]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != 'linux', reason='it looks for processes in /proc')
def test_a_demo_that_is_stopped_leaves_no_process_behind(tmp_path):
  mark = f'DEMO_TEST={tmp_path}'
  environment = os.environ | {'TFDS_DATA_DIR': str(tmp_path / 'data'), 'DEMO_TEST': str(tmp_path)}
  script = str(_ROOT / 'experiments' / 'demo.py')
  with (tmp_path / 'errors').open('w') as errors:
    process = subprocess.Popen(
      [sys.executable, script], cwd=tmp_path, env=environment, stdout=errors, stderr=errors
    )
  try:
    # The demo, its training, and what makes scenes for it.
    while len(_processes_of(mark)) < 3:
      assert process.poll() is None, (tmp_path / 'errors').read_text()
      time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
  finally:
    process.kill()
  assert _processes_of(mark) == []
  said = (tmp_path / 'errors').read_text()
  assert 'Traceback' not in said and 'stopped by SIGTERM' in said
  assert not (tmp_path / 'runs').exists()


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_made(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'runs').write_text('a file')
  with pytest.raises(UserError, match='cannot write to runs .*: run the demo in a folder'):
    demo.main()
