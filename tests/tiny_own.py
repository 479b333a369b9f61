"""Small scenes of one's own, as arrays and as files."""

import pathlib

import numpy as np


def arrays(scenes: int, sensors: int = 6) -> dict[str, np.ndarray]:
  """Random ones, stacked: the same for the same number of them."""
  rng = np.random.default_rng(scenes)
  return {
    'images': rng.integers(0, 256, (scenes, 4, 16, 16, 3), np.uint8),
    'cameras': rng.uniform(-1, 1, (scenes, 4, 5)),
    'haptics': rng.normal(size=(scenes, 4, sensors)),
    'hands': rng.uniform(-1, 1, (scenes, 4, 5)),
  }


def write(folder: pathlib.Path, splits: dict[str, dict[str, np.ndarray]]) -> None:
  """Writes them as a folder that `open_folder` takes."""
  for split, arrays in splits.items():
    (folder / split).mkdir(parents=True)
    for i in range(len(arrays['images'])):
      scene = {name: array[i] for name, array in arrays.items()}
      np.savez_compressed(folder / split / f'{i:03d}.npz', **scene)
