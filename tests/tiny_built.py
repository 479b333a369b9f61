"""A built dataset of some scenes, and what damages files."""

import pathlib
from collections.abc import Iterator

import numpy as np

from tfds_mese.configs import MeseConfig
from tfds_mese.tfds_mese_dataset_builder import Builder

CONFIG = {
  'name': 'small',
  'num_train': 3,
  'num_val': 2,
  'num_test': 2,
  'seed': 7,
  'scene': {'num_looks': 2, 'num_grasps': 1, 'image_size': 8},
}


def build(data_dir: pathlib.Path, **changes) -> pathlib.Path:
  """Builds the dataset and returns the folder of its version."""
  builder = Builder(config=MeseConfig(**(CONFIG | changes)), data_dir=data_dir, num_workers=1)
  builder.download_and_prepare()
  return pathlib.Path(builder.data_dir)


def flipped(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
  """The content with one bit of it flipped, another each time."""
  for bit in np.random.default_rng(seed).choice(8 * len(content), count, replace=False):
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << (bit % 8)
    yield bytes(damaged)
