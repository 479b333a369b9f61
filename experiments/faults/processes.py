"""Commands of this project in processes of their own, to be stopped at chosen moments."""

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

_ROOT = pathlib.Path(__file__).parents[2]
_PATIENCE = 3600  # seconds; a machine at work on other things is slow


class Command:
  """A running command.

  Args:
    arguments: of Python, such as a script and its options.
    compiled: folder in which all runs share what they compile.

  Attributes:
    started: when, in seconds since the epoch.
  """

  def __init__(self, arguments: list[str], compiled: pathlib.Path):
    self.started = time.time()
    # All that is compiled is kept: a restart should not cost more than the restart.
    environment = {
      'JAX_COMPILATION_CACHE_DIR': str(compiled),
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    }
    self._process = subprocess.Popen(
      [sys.executable, *arguments],
      cwd=_ROOT,
      env=os.environ | environment,
      stdout=subprocess.DEVNULL,
      stderr=subprocess.PIPE,
      text=True,
    )

  def stop_when(self, reached: Callable[[], bool], delay: float, how: int) -> bool:
    """Sends the signal `how` some seconds after `reached`; False if the command ended before."""
    deadline = time.monotonic() + _PATIENCE
    while not reached():
      if self._process.poll() is not None:
        return False
      if time.monotonic() > deadline:
        self._process.kill()
        raise TimeoutError(f'nothing reached in {_PATIENCE} s: {self.finish()[1]}')
      time.sleep(0.002)
    time.sleep(delay)
    ended = self._process.poll() is not None
    self._process.send_signal(how)
    return not ended

  def finish(self) -> tuple[int, str]:
    """The exit code (minus the signal, if one killed it) and what it wrote to standard error."""
    _, errors = self._process.communicate(timeout=_PATIENCE)
    return self._process.returncode, errors


def run(arguments: list[str], compiled: pathlib.Path) -> tuple[int, str]:
  """Runs a command to its end; returns its exit code and what it wrote to standard error."""
  return Command(arguments, compiled).finish()


def sentence(errors: str) -> str:
  """The last line of standard error, which is the sentence of a refusal."""
  return errors.strip().splitlines()[-1] if errors.strip() else ''


def refused(code: int, errors: str, *words: str) -> bool:
  """Whether a command ended as one does that cannot go on: code 2 and a sentence with the words."""
  said = sentence(errors)
  return (
    code == 2
    and 'Traceback' not in errors
    and said.startswith('error: ')
    and all(word in said for word in words)
  )
