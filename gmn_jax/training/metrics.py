"""Where a run's numbers go: a file of JSON lines, TensorBoard, and the terminal."""

import json
import pathlib
import resource
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np
import tqdm

from gmn_jax.training.byproducts import never_fatal
from gmn_jax.training.records import FILE_NAME, keep_until
from gmn_jax.training.tensorboard import Board
from mese_env.errors import duration


class Metrics:
  """Writes records of numbers; a context.

  Args:
    workdir: of the run; gets `metrics.jsonl` and a folder `tensorboard`.
    step: where the run goes on (`records.keep_until`).
    steps: where it ends.
  """

  def __init__(self, workdir: pathlib.Path, step: int, steps: int):
    path = workdir / FILE_NAME
    keep_until(path, step)
    self._file = path.open('a')
    self._board = None
    with never_fatal("TensorBoard's file"):
      self._board = Board(workdir / 'tensorboard', step)
    self._bar = None
    if sys.stderr.isatty():
      self._bar = tqdm.tqdm(total=steps, initial=step, unit=' steps', smoothing=0.05)
    self._first, self._steps, self._start = step, steps, time.monotonic()

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
  ) -> None:
    if self._bar is not None:
      self._bar.close()
    with self._file, never_fatal("TensorBoard's file"):
      if self._board is not None:
        self._board.close()

  def write(self, step: int, split: str, values: Mapping[str, Any]) -> None:
    """Writes what was measured on a split after a step: numbers, or short vectors of numbers."""
    record = {name: np.asarray(value).tolist() for name, value in values.items()}
    with never_fatal(f'a line of {FILE_NAME}'):
      self._file.write(json.dumps({'step': step, 'split': split, **record}) + '\n')
      self._file.flush()
    scalars = {}
    for name, value in record.items():
      for part, number in enumerate(value) if isinstance(value, list) else [(None, value)]:
        scalars[f'{split}/{name}' + ('' if part is None else f'/{part + 1:02d}')] = number
    with never_fatal("TensorBoard's file"):
      if self._board is not None:
        self._board.write(step, scalars)
    shown = f'{split} elbo {record["elbo"]:.1f} nats, kl {record["kl"]:.2f}'
    if self._bar is not None:
      self._bar.set_postfix_str(shown)
      return
    left = ''
    if step > self._first:
      seconds_a_step = (time.monotonic() - self._start) / (step - self._first)
      left = f', {duration((self._steps - step) * seconds_a_step)} left'
    print(f'step {step}/{self._steps}: {shown}{left}', file=sys.stderr, flush=True)

  def advance(self) -> None:
    """Moves the progress bar by a step."""
    if self._bar is not None:
      self._bar.update()


class Silence:
  """In the place of `Metrics`, in the processes of a run that write nothing."""

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *exception: object) -> None:
    pass

  def write(self, step: int, split: str, values: Mapping[str, Any]) -> None:
    """Does nothing."""

  def advance(self) -> None:
    """Does nothing."""


def memory_bytes() -> int:
  """The most memory used so far: of an accelerator's own, the fullest one, else of this process."""
  statistics = [device.memory_stats() or {} for device in jax.local_devices()]
  peaks = [held['peak_bytes_in_use'] for held in statistics if 'peak_bytes_in_use' in held]
  # What a process held is in kilobytes, on macOS in bytes.
  unit = 1 if sys.platform == 'darwin' else 1024
  return max(peaks) if peaks else unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Throughput:
  """How fast scenes are consumed, at how many operations a second, and how long they are waited
  for.

  Which share of the machine's peak that is, `experiments/bench` tells: a peak that is measured
  while other work runs beside is too low.

  Args:
    scene_flops: floating-point operations of a scene (`flops.py`).
  """

  def __init__(self, scene_flops: float):
    self._scene_flops = scene_flops
    self._restart()

  def add(self, scenes: int, waited: float) -> None:
    """Counts a step that took `scenes` scenes and waited so many seconds for them."""
    self._scenes += scenes
    self._waited += waited

  def read(self) -> dict[str, float]:
    """Scenes per second, GFLOP per second, share of the time waited; since the last reading."""
    elapsed = time.monotonic() - self._start
    rate = self._scenes / elapsed
    rates = {
      'scenes_per_second': rate,
      'gflop_per_second': rate * self._scene_flops / 1e9,
      'input_wait': self._waited / elapsed,
    }
    self._restart()
    return rates

  def _restart(self) -> None:
    self._start, self._scenes, self._waited = time.monotonic(), 0, 0.0
