"""What all packages say to a user: the one exception that becomes a sentence, and its words.

It is also where a command ends, with its exit code. Imports nothing of this project, so that
anything may import it.
"""

import contextlib
import difflib
import errno
import functools
import os
import shlex
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# What a disk that takes no more is called, by its error.
_FULL = {
  errno.ENOSPC: 'the disk of {} is full',
  errno.EDQUOT: "the user's share (quota) of the disk of {} is full",
  errno.EFBIG: 'a file in {} became as large as files may be there (ulimit -f)',
}
_UNWRITABLE = (
  errno.EACCES,
  errno.EPERM,
  errno.EROFS,
  errno.ENOTDIR,
  errno.EEXIST,
  errno.EISDIR,
  errno.ENAMETOOLONG,
  errno.ELOOP,
)
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class UserError(Exception):
  """Something the user can put right; the message names the thing and the remedy."""


class Stopped(KeyboardInterrupt):
  """A signal asked the command to end; what catches Ctrl-C catches it.

  Attributes:
    exit_code: 128 + the signal's number, as shells report it.
  """

  def __init__(self, received: int):
    super().__init__(_stopped(received))
    self.exit_code = 128 + received


def stop_while_loading() -> None:
  """From here on a signal ends the process at once and with one line, until `exit_on_user_error`.

  Commands call it ahead of their imports: an exception raised in there is a traceback, or is lost
  in what the import system calls back.
  """
  _handle(_leave)


@contextlib.contextmanager
def exit_on_user_error(kept: str = '') -> Iterator[None]:
  """Ends a command without a traceback: a `UserError` becomes its sentence and exit code 2, SIGINT,
  SIGTERM and SIGHUP a line and 128 + the signal's number.

  The first signal is raised as `Stopped` where the command is, so that it leaves nothing behind; a
  second one acts as it always does.

  Args:
    kept: what a command that is stopped leaves, and how to go on: it ends the line.
  """
  received, repeated, ended = [], threading.Event(), threading.Event()

  def repeat(number: int) -> None:
    if not ended.is_set():
      repeated.set()
      os.kill(os.getpid(), number)

  def stop(number: int, frame: types.FrameType | None) -> None:
    if received and not repeated.is_set():
      signal.signal(number, signal.SIG_DFL)
      os.kill(os.getpid(), number)
      return
    repeated.clear()
    # An exception may get lost in what a library calls back, and in an import come out as another.
    again = threading.Timer(0.1 if _is_importing(frame) else 1.0, repeat, (number,))
    again.daemon = True
    again.start()
    if not _is_importing(frame) and not _is_stopping():
      received.append(Stopped(number))
      raise received[-1]

  former, former_hook = _handle(stop), sys.unraisablehook
  sys.unraisablehook = functools.partial(_tell_of_lost, former_hook)
  try:
    yield
  except (Exception, KeyboardInterrupt) as error:
    # Libraries make other exceptions of the one that was raised.
    if received or isinstance(error, KeyboardInterrupt):
      stopped = received[0] if received else Stopped(signal.SIGINT)
      _say_last(f'{stopped}: {kept}' if kept else f'{stopped}.')
      sys.exit(stopped.exit_code)
    if not isinstance(error, UserError):
      raise
    _say_last(f'error: {error}')
    sys.exit(2)
  finally:
    ended.set()
    sys.unraisablehook = former_hook
    for number, handler in former.items():
      signal.signal(number, handler)


def _tell_of_lost(hook: Callable[['sys.UnraisableHookArgs'], object], lost: Any) -> None:
  """Tells of what was raised where nobody catches it, but for a signal, which is raised again."""
  if not isinstance(lost.exc_value, Stopped):
    hook(lost)


def _say_last(sentence: str) -> None:
  """Says it, and nothing more: what writes in the background fails for the same reason, and would
  tell of it in tracebacks, of threads, of asyncio and of libraries in C.
  """
  print(sentence, file=sys.stderr, flush=True)
  with contextlib.suppress(OSError):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _handle(handler: Callable[[int, types.FrameType | None], None]) -> dict[int, Any]:
  """Sets the handler of what stops a command; returns the former ones."""
  if threading.current_thread() is not threading.main_thread():
    return {}  # Python lets no other thread set them.
  # What is ignored stays so: `nohup` asks for it.
  known = {number: signal.getsignal(number) for number in _STOPS}
  heeded = {number: known[number] for number in _STOPS if known[number] != signal.SIG_IGN}
  for number in heeded:
    signal.signal(number, handler)
  return {number: former or signal.SIG_DFL for number, former in heeded.items()}


def _leave(number: int, frame: types.FrameType | None) -> None:
  with contextlib.suppress(Exception):
    sys.stdout.flush()
  os.write(2, f'{_stopped(number)}.\n'.encode())
  os._exit(128 + number)


def _is_importing(frame: types.FrameType | None) -> bool:
  while frame is not None:
    if frame.f_code.co_filename.startswith('<frozen importlib'):
      return True
    frame = frame.f_back
  return False


def _is_stopping() -> bool:
  """Whether a `Stopped` is on its way out, past what cleans up."""
  error = sys.exc_info()[1]
  while error is not None and not isinstance(error, Stopped):
    error = error.__context__
  return error is not None


def _stopped(number: int) -> str:
  return f'stopped by {signal.Signals(number).name}'


def first_line(error: BaseException) -> str:
  """The beginning of an error's message, or where it has none, its kind."""
  return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def quoted(path: os.PathLike | str) -> str:
  """A path as it is to stand in a command that a user is told to type."""
  return shlex.quote(os.fspath(path))


def nearest(given: str, known: Iterable[str]) -> str:
  """The known word that is spelled most like the one given."""
  return difflib.get_close_matches(given, list(known), n=1, cutoff=0.0)[0]


def did_you_mean(given: str, known: Iterable[str]) -> str:
  """'did you mean 'x'?', or where nothing known is spelled alike, 'use one of ...'."""
  words = list(known)
  if near := difflib.get_close_matches(given, words, n=1, cutoff=0.5):
    return f"did you mean '{near[0]}'?"
  return f'use one of {", ".join(words)}.'


def duration(seconds: float) -> str:
  """Writes a time span for people: '40 s', '12 min', '3.5 h'."""
  if seconds < 100:
    return f'{seconds:.0f} s'
  if seconds < 6000:
    return f'{seconds / 60:.0f} min'
  return f'{seconds / 3600:.1f} h'


@contextlib.contextmanager
def explain_full_disk(folder: os.PathLike | str, remedy: str) -> Iterator[None]:
  """Wraps what writes below `folder`; `remedy` ends the sentence that a full disk becomes.

  Raises:
    UserError: the disk, or the user's share of it, is full; other errors pass.
  """
  try:
    yield
  except (OSError, ValueError) as error:
    if what := full_disk(error):
      raise UserError(f'{what.format(folder)}: {remedy}') from error
    raise


def full_disk(error: BaseException) -> str:
  """What is full, of the folder `{}`, if that is what an error says; else empty."""
  # It comes as an OSError from Python, and as a ValueError from the store of the checkpoints.
  for number, what in _FULL.items():
    if getattr(error, 'errno', None) == number or os.strerror(number) in str(error):
      return what
  return ''


@contextlib.contextmanager
def explain_unwritable(folder: os.PathLike | str, remedy: str) -> Iterator[None]:
  """Wraps what writes below `folder`; `remedy` ends the sentence that a refusal becomes.

  Raises:
    UserError: the folder may not be, or cannot be, written; other errors pass.
  """
  try:
    yield
  except OSError as error:
    if error.errno not in _UNWRITABLE:
      raise
    raise UserError(f'cannot write to {folder} ({error.strerror}): {remedy}') from error
