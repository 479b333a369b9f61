"""The raw scenes that an evaluation takes from a dataset."""

from collections.abc import Sequence

import numpy as np

from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

_SENSED = ('images', 'cameras', 'haptics', 'hands')


def first_scenes(dataset: Dataset, split: str, count: int) -> list[dict[str, np.ndarray]]:
  """The first scenes of a split.

  Raises:
    UserError: there is no such split, or it has fewer scenes.
  """
  if split not in dataset.splits:
    raise UserError(f"there is no split '{split}'; use one of {', '.join(dataset.splits)}.")
  source = dataset.splits[split]
  if count > len(source):
    raise UserError(
      f"{count} scenes of '{split}' are asked for, and it has {len(source)}; ask for fewer."
    )
  return [source[i] for i in range(count)]


def stack_scenes(scenes: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
  """What is sensed of scenes, with a leading dim: as `gmn_jax.batch.cut_scenes` takes it."""
  return {field: np.stack([scene[field] for scene in scenes]) for field in _SENSED}
