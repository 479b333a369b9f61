"""The largest batch of a device that fits its memory, found with few compilations."""

from collections.abc import Callable
from typing import TypeVar

from gmn_jax.planning.compiled import DoesNotFit

T = TypeVar('T')
# Each takes minutes.
_MOST_TRIALS = 6


def candidates(most: int, multiple: int = 1) -> list[int]:
  """1, 2, 3, 4, 6, 8, 12 and so on, times `multiple`, up to `most`."""
  found, power = [], 1
  while power <= most // multiple:
    found += [power] if power == 1 else [power, power + power // 2]
    power *= 2
  return [multiple * number for number in found if multiple * number <= most]


def largest_that_fits(
  sizes: list[int], fixed: float, attempt: Callable[[int], T]
) -> tuple[int, T] | None:
  """The largest of some batches that fits, with what its attempt returned; None: none does.

  What a failed attempt says of its need tells where to go on. After `_MOST_TRIALS` attempts it is
  the largest of those tried.

  Args:
    sizes: ascending.
    fixed: bytes that are needed beside those that grow with the batch.
    attempt: raises `DoesNotFit` for what does not.
  """
  low, high, best = 0, len(sizes), None
  position, told = high - 1, False
  for _ in range(_MOST_TRIALS):
    if low >= high:
      break
    try:
      best = sizes[position], attempt(sizes[position])
      low = position + 1
      position = low if told else (low + high) // 2
    except DoesNotFit as error:
      high = position
      position, told = (low + high) // 2, False
      if error.needed and error.available and error.needed > fixed:
        bound = sizes[high] * (error.available - fixed) / (error.needed - fixed)
        position = max([low, *(i for i in range(low, high) if sizes[i] <= bound)])
        told = True
  return best
