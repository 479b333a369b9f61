"""How well shapes are imagined, as records: one per context. Their fields are those of
`shapes.json`.

Dims: B scenes.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.evaluation.statistics import mean_interval, share_interval


@dataclasses.dataclass(frozen=True)
class Known:
  """What is known of the shapes of objects from a context; intervals over scenes.

  Attributes:
    given: the context, in the words of the command line, or what is looked at in a model's place.
    overlap: intersection over union of the imagined and the true silhouette, mean over cameras.
    overlap_low: of Student's interval.
    overlap_high: likewise.
    named: the share of scenes whose nearest shape is the true one.
    named_low: of Wilson's interval.
    named_high: likewise.
    overlap_by_scene: in the scenes' order.
    named_by_scene: likewise, in [0, 1].
  """

  given: str
  overlap: float
  overlap_low: float
  overlap_high: float
  named: float
  named_low: float
  named_high: float
  overlap_by_scene: Sequence[float]
  named_by_scene: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Shapes:
  """All that was measured.

  Attributes:
    possible: by how many parts objects have, among how many shapes one is named.
    imagined: a record per context.
    without_model: of the true views, the most that can be had, and of another object's, the least.
  """

  possible: Mapping[int, int]
  imagined: Sequence[Known]
  without_model: Sequence[Known]


def known(given: str, overlap_B: np.ndarray, named_B: np.ndarray) -> Known:
  """Sums up over two scenes or more; arguments as of `Known`."""
  interval = mean_interval(overlap_B.tolist())
  assert interval is not None  # There are two scenes or more.
  share = float(np.mean(named_B))
  low, high = share_interval(share, len(named_B))
  return Known(
    given,
    interval.mean,
    interval.low,
    interval.high,
    share,
    low,
    high,
    overlap_B.tolist(),
    named_B.tolist(),
  )
