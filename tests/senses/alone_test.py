"""A model of images alone: it trains, loads and is measured, of scenes that have no grasps."""

import json

import numpy as np
import pytest

from experiments import modes
from gmn_jax.senses.sets import MODALITY_SETS, modality_set
from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.train import train
from tests import tiny_run
from tfds_mese.dataset import Dataset

pytestmark = pytest.mark.long

QUICK = {'held_out': 2, 'estimator': 'iwae', 'samples': 2}
OPTIONS = {
  'density': {'scenes': 2, 'images': (0, 1)} | QUICK,
  'classify': {'ways': 2, 'draws': 2, 'views': (1,), 'together': 2} | QUICK,
}


@pytest.fixture
def seen(monkeypatch):
  """A dataset of images without a range of anything, and the set of modalities that sees it."""
  monkeypatch.setitem(MODALITY_SETS, 'look', lambda size, _: modality_set('m2', size)[:1])
  scenes = [
    {name: tiny_run.random_scene(i)[name] for name in ('images', 'cameras', 'index')}
    for i in range(8)
  ]
  return Dataset({'train': scenes[:4], 'val': scenes[4:6], 'test': scenes[6:]}, {}, {})


def test_images_alone_are_trained_and_measured(seen, tmp_path):
  train(tiny_run.tiny_config(modalities='look'), seen, tmp_path)
  run = load_run(tmp_path)
  assert not run.ranges and list(tmp_path.glob('samples/*.png'))
  for mode, options in OPTIONS.items():
    evaluation = modes.load(mode)
    evaluation.evaluate(run, {'seen': seen}, tmp_path, evaluation.options(**options))
  found = json.loads((tmp_path / 'density.json').read_text())['results']['density']
  assert found and all(np.isfinite(record['log_likelihood']) for record in found)
  found = json.loads((tmp_path / 'classify.json').read_text())['results']['accuracy']
  assert {record['context'] for record in found} == {'I'}
