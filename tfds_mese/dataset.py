"""What a dataset is to whoever reads one, wherever its scenes come from."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Source(Protocol):
  """Scenes by position; each a dictionary of the arrays that `mese_env.generate_scene` returns, or
  of those among them that the model reads (`tfds_mese.own_data`).
  """

  def __len__(self) -> int: ...

  def __getitem__(self, position: int) -> dict[str, np.ndarray]: ...


@dataclasses.dataclass(frozen=True)
class Dataset:
  """A dataset.

  Attributes:
    splits: scenes of train, val and test; data of one's own may have no test.
    haptic_min: float32 (D,), smallest value of each haptic channel over the training split; D is
      132 for the simulated hand.
    haptic_max: float32 (D,), largest value of each haptic channel over the training split.
    metadata: what is known of its making; of a built dataset seed, versions, and the scene config
      of each split.
  """

  splits: Mapping[str, Source]
  haptic_min: np.ndarray
  haptic_max: np.ndarray
  metadata: Mapping[str, Any]
