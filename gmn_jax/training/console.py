"""What a run shows while it trains: a bar on a terminal, elsewhere few lines."""

import sys
import time
from collections.abc import Mapping
from typing import Any

import tqdm

from gmn_jax.config import Config
from mese_env.errors import duration

# Off a terminal lines are kept: those of validations, and between them one in so many seconds.
_SECONDS_BETWEEN_LINES = 120
# Who sees 4,000 beside 7,800 thinks that something is broken.
_EXPLAINED = (
  'ELBOs are means over episodes, in nats; more is better. Compare that of val with that of '
  'val_seen, the same measurement of scenes that are trained on.'
)
_OF_A_BATCH = (
  " A batch's own is lower, since its episodes withhold senses and views and so have fewer targets."
)


class Console:
  """Shows on standard error how a run is getting on.

  Args:
    config: of the run.
    step: after which it goes on.
  """

  def __init__(self, config: Config, step: int):
    self._first, self._steps, self._start = step, config.steps, time.monotonic()
    self._last_line = -float('inf')
    withheld = config.missing or config.withheld or config.withheld_views
    self._say(_EXPLAINED + (_OF_A_BATCH if withheld else ''))
    self._bar = None
    if sys.stderr.isatty():
      self._bar = tqdm.tqdm(total=config.steps, initial=step, unit=' steps', smoothing=0.05)

  def train(self, step: int, record: Mapping[str, Any]) -> None:
    """Shows, if nothing was shown for long, what a batch measured."""
    if self._bar is not None or time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
      self._show(step, f'ELBO of its batch {record["elbo"]:.1f} nats')

  def validated(self, step: int, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Shows what a validation measured, by split."""
    elbos = [f'of {split} {record["elbo"]:.1f} nats' for split, record in records.items()]
    self._show(step, f'ELBO {", ".join(elbos)}')

  def advance(self) -> None:
    """Moves the bar by a step."""
    if self._bar is not None:
      self._bar.update()

  def close(self) -> None:
    """Leaves the bar as it is."""
    if self._bar is not None:
      self._bar.close()

  def _show(self, step: int, shown: str) -> None:
    if self._bar is not None:
      self._bar.set_postfix_str(shown)
      return
    self._last_line = time.monotonic()
    left = ''
    if step > self._first:
      seconds_a_step = (self._last_line - self._start) / (step - self._first)
      left = f', {duration((self._steps - step) * seconds_a_step)} left'
    self._say(f'step {step}/{self._steps}: {shown}{left}')

  def _say(self, line: str) -> None:
    print(line, file=sys.stderr, flush=True)
