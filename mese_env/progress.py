"""Progress of a long run: one line that is overwritten on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Self

from mese_env.errors import duration

_SECONDS_BETWEEN_LINES, _SECONDS_ON_TERMINAL = 60, 0.2


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
    self._is_terminal = sys.stderr.isatty()
    self._width = 0  # of what stands on the terminal

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *exception: object) -> None:
    if self._width:
      print(file=sys.stderr, flush=True)

  def advance(self, count: int = 1) -> None:
    """Adds `count` to what is done."""
    self._done += count
    now = time.monotonic()
    pause = _SECONDS_ON_TERMINAL if self._is_terminal else _SECONDS_BETWEEN_LINES
    if now - self._last_line < pause and self._done != self._total:
      return
    self._last_line = now
    rate = (self._done - self._first) / max(now - self._start, 1e-9)
    left = duration((self._total - self._done) / rate)
    pace = f'{rate:.1f} a second' if rate >= 1 else f'{duration(1 / rate)} each'
    line = f'{self._done}/{self._total} {self._unit}, {pace}, {left} left'
    if self._is_terminal:
      print(f'\r{line:<{self._width}}', end='', file=sys.stderr, flush=True)
      self._width = len(line)
    else:
      print(line, file=sys.stderr, flush=True)
