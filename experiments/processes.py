"""Processes side by side, to which the signals that this one gets are passed on."""

import os
import signal
import subprocess
import threading
import types
from collections.abc import Sequence

_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


class Processes:
  """Runs commands from any thread; a context manager, entered in the main thread.

  SIGINT, SIGTERM and SIGHUP go on to every process that runs, and are waited for; after one no
  further process is started.

  Args:
    share_gpu: whether each takes of a GPU's memory what it needs, not three quarters at once
      (`XLA_PYTHON_CLIENT_PREALLOCATE`, unless the environment already has it).
  """

  def __init__(self, share_gpu: bool = False):
    self._environment = dict(os.environ)
    if share_gpu:
      self._environment.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
    # Reentrant: a signal may come while its own thread holds it.
    self._lock = threading.RLock()
    self._running: set[subprocess.Popen] = set()
    self._received = 0

  def __enter__(self) -> 'Processes':
    former = {number: signal.getsignal(number) for number in _SIGNALS}
    # What is ignored stays so: `nohup` asks for it.
    self._former = {number: of for number, of in former.items() if of != signal.SIG_IGN}
    for number in self._former:
      signal.signal(number, self._pass_on)
    return self

  def __exit__(self, *exception: object) -> None:
    for number, handler in self._former.items():
      signal.signal(number, handler or signal.SIG_DFL)

  def run(self, command: Sequence[str]) -> int:
    """Starts a process and waits for it; returns its exit code, or 128 + the number of the signal
    that ended it, or that came here.
    """
    with self._lock:
      if self._received:
        return 128 + self._received
      # In a group of its own, since a terminal sends Ctrl-C to all of a group: it comes once.
      process = subprocess.Popen(command, env=self._environment, process_group=0)
      self._running.add(process)
      if self._received:  # While it was started.
        process.send_signal(self._received)
    code = process.wait()
    with self._lock:
      self._running.discard(process)
    if self._received:
      return 128 + self._received
    return code if code >= 0 else 128 - code

  def _pass_on(self, number: int, frame: types.FrameType | None) -> None:
    with self._lock:
      self._received = number
      for process in self._running:
        process.send_signal(number)
