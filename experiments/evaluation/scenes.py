"""The raw scenes that an evaluation takes from a dataset."""

from collections.abc import Mapping, Sequence

import numpy as np

from gmn_jax.senses import Modality, fields_of
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset


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


def stack_scenes(
  scenes: Sequence[Mapping[str, np.ndarray]], modalities: Sequence[Modality]
) -> dict[str, np.ndarray]:
  """What modalities are cut from, of all scenes: as `gmn_jax.senses.cut_scenes` takes it."""
  fields = fields_of(modalities)
  return {field: np.stack([scene[field] for scene in scenes]) for field in fields}


def views_of(scene: Mapping[str, np.ndarray], modalities: Sequence[Modality]) -> int:
  """How many views of each modality a scene holds."""
  return len(scene[modalities[0].sense.pose_field])
