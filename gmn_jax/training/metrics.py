"""What a run measures: sent to its trackers, and shown."""

import contextlib
import pathlib
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np

from gmn_jax.config import Config
from gmn_jax.trackers import TRACKERS, TrackedRun, Tracker, read_names
from gmn_jax.training.console import Console
from mese_env.errors import first_line, full_disk


class Metrics:
  """Sends records of numbers to the trackers of a run, and shows what they say; a context.

  A tracker that fails is named once, and the run goes on without it; but for a full disk, which
  concerns checkpoints too.

  Args:
    config: of the run; its `track` names the trackers.
    workdir: of the run.
    step: after which the run goes on.
  """

  def __init__(self, config: Config, workdir: str | pathlib.Path, step: int):
    run = TrackedRun(pathlib.Path(workdir), step, config.to_dict())
    self._trackers: dict[str, Tracker] = {}
    for name in read_names(config.track):
      with self._spares(name):
        self._trackers[name] = TRACKERS[name].open(run)
    self._console = Console(config, step)

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
  ) -> None:
    self._console.close()
    for name, tracker in list(self._trackers.items()):
      with self._spares(name):
        tracker.close(finished=error is None)

  def train(self, step: int, values: Mapping[str, Any]) -> None:
    """Takes what a training step measured of its own batch: numbers, or short vectors of them."""
    self._console.train(step, self._track(step, 'train', values))

  def validated(self, step: int, measured: Mapping[str, Mapping[str, Any]]) -> None:
    """Takes what a validation measured after a step, by split."""
    records = {split: self._track(step, split, values) for split, values in measured.items()}
    self._console.validated(step, records)

  def advance(self) -> None:
    """Counts a step."""
    self._console.advance()

  def _track(self, step: int, split: str, values: Mapping[str, Any]) -> dict[str, Any]:
    record = {name: np.asarray(value).tolist() for name, value in values.items()}
    for name, tracker in list(self._trackers.items()):
      with self._spares(name):
        tracker.write(step, split, record)
    return record

  @contextlib.contextmanager
  def _spares(self, name: str) -> Iterator[None]:
    """Lets the run go on without a tracker that fails within the context."""
    try:
      yield
    except Exception as error:  # A service may fail in any way.
      if full_disk(error):
        raise
      self._trackers.pop(name, None)
      print(
        f'the tracker {name} failed ({first_line(error)}); training goes on without it.',
        file=sys.stderr,
        flush=True,
      )


class Silence:
  """In the place of `Metrics`, in the processes of a run that write nothing."""

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *exception: object) -> None:
    pass

  def train(self, step: int, values: Mapping[str, Any]) -> None:
    """Does nothing."""

  def validated(self, step: int, measured: Mapping[str, Mapping[str, Any]]) -> None:
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
