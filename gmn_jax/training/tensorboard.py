"""Numbers for TensorBoard, written at once: what fails, fails where it was asked for.

`SummaryWriter` of tensorboardX writes from a thread of its own, which a full disk ends in
tracebacks that nothing can catch.
"""

import os
import pathlib
import socket
import time
from collections.abc import Mapping

from tensorboardX import summary

# protobuf makes these classes when they are imported.
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.record_writer import RecordWriter


class Board:
  """A new file of events in a folder.

  Args:
    folder: gets the file; made if it is missing.
    step: where the run goes on; TensorBoard forgets what it was told of later steps.
  """

  def __init__(self, folder: pathlib.Path, step: int):
    folder.mkdir(parents=True, exist_ok=True)
    # Time and host as TensorBoard is used to; of two starts within a second, each has its own file.
    name = f'events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{step}'
    self._records = RecordWriter(str(folder / name))
    self._write(Event(file_version='brain.Event:2'))
    if step:
      self._write(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))

  def write(self, step: int, numbers: Mapping[str, float]) -> None:
    """Writes numbers by tag, to disk.

    Raises:
      OSError: they cannot be written.
    """
    for tag, number in numbers.items():
      self._write(Event(step=step, summary=summary.scalar(tag, number)))
    self._records.flush()

  def close(self) -> None:
    """Ends the file.

    Raises:
      OSError: its end cannot be written.
    """
    self._records.close()

  def _write(self, event: Event) -> None:
    event.wall_time = time.time()
    self._records.write(event.SerializeToString())
