"""The tracker `tensorboard`: a file of events, written at once, so that what fails, fails where it
was asked for.

`SummaryWriter` of tensorboardX writes from a thread of its own, which a full disk ends in
tracebacks that nothing can catch.
"""

import os
import socket
import time

from tensorboardX import summary

# protobuf makes these classes when they are imported.
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.record_writer import RecordWriter

from gmn_jax.trackers.tracker import Record, TrackedRun, scalars


class Board:
  """A new file of events in the workdir's folder `tensorboard`.

  Args:
    run: whose numbers they are. TensorBoard forgets what it was told of later steps.
  """

  def __init__(self, run: TrackedRun):
    folder = run.workdir / 'tensorboard'
    folder.mkdir(parents=True, exist_ok=True)
    # Time and host as TensorBoard is used to; of two starts within a second, each has its own file.
    process = f'{socket.gethostname()}.{os.getpid()}.{run.step}'
    name = f'events.out.tfevents.{time.time():.0f}.{process}'
    self._records = RecordWriter(str(folder / name))
    self._write(Event(file_version='brain.Event:2'))
    if run.step:
      self._write(Event(step=run.step + 1, session_log=SessionLog(status=SessionLog.START)))

  def write(self, step: int, split: str, record: Record) -> None:
    """Writes the numbers to disk.

    Raises:
      OSError: they cannot be written.
    """
    for tag, number in scalars(split, record).items():
      self._write(Event(step=step, summary=summary.scalar(tag, number)))
    self._records.flush()

  def close(self, finished: bool) -> None:
    """Ends the file.

    Raises:
      OSError: its end cannot be written.
    """
    del finished
    self._records.close()

  def _write(self, event: Event) -> None:
    event.wall_time = time.time()
    self._records.write(event.SerializeToString())
