"""Datasets to export, and the formats to export them in."""

import numpy as np
import pytest

from tests import tiny_built
from tfds_mese.export.formats import FORMATS


def _own(folder, looks, grasps, dtype=np.float32):
  """Scenes of one's own, of each the number of looks and of grasps; where 0 they have no such."""
  rng = np.random.default_rng(0)
  for split in ('train', 'val'):
    (folder / split).mkdir(parents=True)
    for i, (of_looks, of_grasps) in enumerate(zip(looks, grasps, strict=True)):
      arrays = {}
      if of_looks:
        arrays['images'] = rng.integers(0, 256, (of_looks, 9, 12, 3), np.uint8)
        arrays['cameras'] = rng.uniform(-1, 1, (of_looks, 5)).astype(dtype)
      if of_grasps:
        arrays['haptics'] = rng.normal(size=(of_grasps, 7)).astype(dtype)
        arrays['hands'] = rng.uniform(-1, 1, (of_grasps, 5)).astype(dtype)
      np.savez(folder / split / f'{i}.npz', **arrays)
  return folder


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
  """Folders of datasets by what is special about them."""
  root = tmp_path_factory.mktemp('sources')
  return {
    'built': tiny_built.build(root),
    'whole': _own(root / 'whole', [2, 2, 2], [2, 2, 2], np.float64),
    'gaps': _own(root / 'gaps', [3, 0, 2], [1, 2, 0]),
    'touch alone': _own(root / 'touch', [0, 0], [2, 1]),
    'sight alone': _own(root / 'sight', [2, 1], [0, 0]),
  }


@pytest.fixture(params=list(FORMATS))
def form(request):
  return FORMATS[request.param]
