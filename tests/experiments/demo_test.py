"""The demo measures and draws with what the evaluations use; here a run of noise, on noise."""

import numpy as np
import pytest

from experiments import demo
from mese_env.errors import UserError
from tests import tiny_run
from tfds_mese.dataset import Dataset

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
