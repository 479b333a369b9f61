"""SIGTERM, SIGHUP and Ctrl-C as a request that a loop polls, so that it can save before it ends."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupted(Exception):
  """A run ended early because it was asked to, with everything saved.

  Attributes:
    exit_code: 128 + the signal's number, as shells report it.
  """

  def __init__(self, message: str, received: int):
    super().__init__(message)
    self.exit_code = 128 + received


class Interruption:
  """While the context lasts, a first SIGTERM, SIGINT or SIGHUP is only noted; a second one acts as
  it always does; what is ignored stays so. Only the main thread of a program is told of signals:
  elsewhere nothing is noted.

  Attributes:
    received: the signal, or None.
  """

  _SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

  def __init__(self):
    self.received: signal.Signals | None = None
    self._previous = {}

  def __enter__(self) -> Self:
    if threading.current_thread() is not threading.main_thread():
      return self
    for number in self._SIGNALS:
      # `nohup` asks for it, and a shell for what it starts in the background.
      if signal.getsignal(number) == signal.SIG_IGN:
        continue
      # None stands for a handler that was not set from Python.
      self._previous[number] = signal.signal(number, self._note) or signal.SIG_DFL
    return self

  def __exit__(
    self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
  ) -> None:
    self._restore()

  def _note(self, number: int, frame: FrameType | None) -> None:
    self.received = signal.Signals(number)
    self._restore()

  def _restore(self) -> None:
    for number, handler in self._previous.items():
      signal.signal(number, handler)
