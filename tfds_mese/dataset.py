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
    ranges: by sense, smallest and largest value of each of its numbers over the training split,
      float32 (D,) each; of the simulated hand D is 132. Images need none.
    metadata: what is known of its making; of a built dataset seed, versions, and the scene config
      of each split.
    identity: what the data are, wherever they lie: equal for a copy, different for any other
      dataset. Flat, of values that JSON can hold, by names that a sentence can use.
  """

  splits: Mapping[str, Source]
  ranges: Mapping[str, tuple[np.ndarray, np.ndarray]]
  metadata: Mapping[str, Any]
  identity: Mapping[str, Any] = dataclasses.field(default_factory=dict)
