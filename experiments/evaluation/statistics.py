"""What a few numbers say of the mean they are drawn about: t-intervals, p-values, Holm's method.

Differences are paired: of what was measured of the same scenes, or with the same seeds.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.95


class MeanInterval(NamedTuple):
  """A mean, and in what range the true one is.

  Attributes:
    mean: of the n numbers.
    error: its standard error.
    low: of Student's interval of probability `LEVEL`.
    high: likewise.
    degrees: of freedom, n - 1.
    p: of the two-sided test that the true mean is zero.
  """

  mean: float
  error: float
  low: float
  high: float
  degrees: int
  p: float


def mean_interval(values: Sequence[float]) -> MeanInterval | None:
  """Student's interval of the mean of independent numbers; None of fewer than two."""
  # SciPy's statistics take a second to load.
  from scipy import stats

  count = len(values)
  if count < 2:
    return None
  mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(count))
  half = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * error
  away = abs(mean) / error if error else math.inf if mean else 0.0
  p = float(2 * stats.t.sf(away, count - 1))
  return MeanInterval(mean, error, mean - half, mean + half, count - 1, p)


def share_interval(share: float, count: int) -> tuple[float, float]:
  """In what range a true share is, of probability `LEVEL`, where `share` of `count` was counted
  (Wilson 1927): unlike Student's it has a width where all or none were.
  """
  z = statistics.NormalDist().inv_cdf((1 + LEVEL) / 2)
  middle, shrink = share + z**2 / (2 * count), 1 + z**2 / count
  half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
  return max(0.0, (middle - half) / shrink), min(1.0, (middle + half) / shrink)


def holm(p_values: Sequence[float]) -> list[float]:
  """p-values corrected for how many there are, in their order (Holm 1979).

  That any true hypothesis of the family is rejected at a corrected p of at most a has at most the
  probability a.
  """
  count = len(p_values)
  corrected, largest = [0.0] * count, 0.0
  for rank, place in enumerate(np.argsort(p_values, kind='stable')):
    largest = max(largest, min(1.0, (count - rank) * p_values[place]))
    corrected[place] = largest
  return corrected
