"""Processes side by side, to which the signals that this one gets are passed on."""

import os
import signal
import subprocess
import threading
import types
from collections.abc import Sequence

_SIGNALS = signal.SIGINT, signal.SIGTERM


class Processes:
  """Runs commands from any thread; a context manager, entered in the main thread.

  SIGTERM goes on to every process that runs, SIGINT reaches them from the terminal; after either no
  further one is started.

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
    self._former = {number: signal.signal(number, self._pass_on) for number in _SIGNALS}
    return self

  def __exit__(self, *exception: object) -> None:
    for number, handler in self._former.items():
      signal.signal(number, handler)

  def run(self, command: Sequence[str]) -> int:
    """Starts a process and waits for it; returns its exit code, or 128 + the number of the signal
    after which it was not started.
    """
    with self._lock:
      if self._received:
        return 128 + self._received
      process = subprocess.Popen(command, env=self._environment)
      self._running.add(process)
    try:
      return process.wait()
    finally:
      with self._lock:
        self._running.discard(process)

  def _pass_on(self, number: int, frame: types.FrameType | None) -> None:
    with self._lock:
      self._received = number
      # A terminal sends Ctrl-C to all.
      if number != signal.SIGINT:
        for process in self._running:
          process.send_signal(number)
