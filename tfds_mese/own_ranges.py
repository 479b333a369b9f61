"""How sensors of one's own are scaled: each by its own range over the training scenes.

Dims: D sensors.
"""

import numpy as np

# Below so many roundings of its size, a range in float32 is noise of the rounding.
_ROUNDINGS = 4 * float(np.finfo(np.float32).eps)
# Smaller sizes come near the end of float32 when they are multiplied.
_SMALLEST = 1e-25


class Extremes:
  """Smallest and largest value of each sensor, of the scenes that were added."""

  def __init__(self):
    self._low, self._high = np.array(np.inf), np.array(-np.inf)

  def add(self, haptics: np.ndarray) -> None:
    """Adds grasps, (views, D)."""
    self._low = np.minimum(self._low, haptics.min(axis=0))
    self._high = np.maximum(self._high, haptics.max(axis=0))

  def scaling(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low, high and the least span by which a sensor is divided, float32 (D,) each.

    A sensor that varies is divided by its range, whatever its unit. One that does not is divided by
    its own size, or where it is zero by 1, so that other values of it stay finite.
    """
    low, high, constant = self._rounded()
    size = np.maximum(np.abs(low), np.abs(high))
    least = np.where(constant, np.where(size > _SMALLEST, size, 1), 0)
    return low, high, least.astype(np.float32)

  def lost(self) -> list[int]:
    """The sensors that vary, but by less than float32 resolves."""
    if not np.ndim(self._low):
      return []
    constant = self._rounded()[2]
    return np.flatnonzero(constant & (self._high > self._low)).tolist()

  def _rounded(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, high = self._low.astype(np.float32), self._high.astype(np.float32)
    size = np.maximum(np.abs(low), np.abs(high))
    return low, high, (high - low <= _ROUNDINGS * size) | (size <= _SMALLEST)
