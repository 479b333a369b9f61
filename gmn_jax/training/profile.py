"""A profile of some steps, to be opened in TensorBoard or Perfetto."""

import pathlib
from types import TracebackType
from typing import Self

import jax


class Profile:
  """Records some steps of a loop; a context that also ends a recording under way.

  Args:
    folder: gets the profile.
    first: the first step to record.
    steps: how many; 0 records nothing.
  """

  def __init__(self, folder: str | pathlib.Path, first: int, steps: int):
    self._folder, self._first, self._steps = pathlib.Path(folder), first, steps
    self._recording = False

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    self._stop()

  def before(self, step: int) -> None:
    """Starts or stops the recording where it is time; called before each step."""
    if self._steps and step == self._first:
      jax.profiler.start_trace(str(self._folder))
      self._recording = True
    elif step == self._first + self._steps:
      self._stop()

  def _stop(self) -> None:
    if self._recording:
      jax.profiler.stop_trace()
      self._recording = False
