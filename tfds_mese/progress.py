"""Progress of a long build: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Self

import tqdm

from mese_env.errors import duration

_SECONDS_BETWEEN_LINES = 60


class Progress:
  """Counts to a total; a context manager that writes to standard error.

  Args:
    unit: what is counted, in the plural.
    total: where the count ends.
    done: what an earlier, interrupted run had already done; left out of the rate.
  """

  def __init__(self, unit: str, *, total: int, done: int = 0):
    self._unit, self._total, self._first, self._done = unit, total, done, done
    self._start = self._last_line = time.monotonic()
    self._bar = None
    if sys.stderr.isatty():
      self._bar = tqdm.tqdm(total=total, initial=done, unit=f' {unit}', smoothing=0.05)

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *exception: object) -> None:
    if self._bar is not None:
      self._bar.close()

  def advance(self, count: int) -> None:
    """Adds `count` to what is done."""
    self._done += count
    if self._bar is not None:
      self._bar.update(count)
      return
    now = time.monotonic()
    if now - self._last_line >= _SECONDS_BETWEEN_LINES or self._done == self._total:
      self._last_line = now
      rate = (self._done - self._first) / (now - self._start)
      left = duration((self._total - self._done) / rate)
      pace = f'{rate:.1f} a second' if rate >= 1 else f'{duration(1 / rate)} each'
      print(
        f'{self._done}/{self._total} {self._unit}, {pace}, {left} left',
        file=sys.stderr,
        flush=True,
      )
