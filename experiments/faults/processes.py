"""Commands of this project in processes of their own, to be stopped at chosen moments."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

_ROOT = pathlib.Path(__file__).parents[2]
_PATIENCE = 1800  # seconds; a machine at work on other things is slow
_SHOWN = 90  # characters of a sentence


class Ended(NamedTuple):
  """How a command ended.

  Attributes:
    code: its exit code; minus the signal, if one killed it.
    errors: what it wrote to standard error.
    output: what it wrote to standard output.
  """

  code: int
  errors: str
  output: str = ''

  @property
  def sentence(self) -> str:
    """The last line of standard error, which is the sentence of a refusal."""
    return self.errors.strip().splitlines()[-1] if self.errors.strip() else ''

  @property
  def quiet(self) -> bool:
    """Whether it wrote no traceback."""
    return 'Traceback' not in self.errors

  @property
  def fine(self) -> bool:
    """Whether it did what it was asked for."""
    return self.code == 0 and self.quiet

  def refused(self, *words: str) -> bool:
    """Whether it ended as one does that cannot go on: code 2 and a sentence with the words."""
    said = self.sentence
    return (
      self.code == 2
      and self.quiet
      and said.startswith('error: ')
      and all(word in said for word in words)
    )

  def found(self, *words: str) -> bool:
    """Whether a check ended with faults, as the words name them; code 1 is a traceback's, too."""
    return (
      self.code == 1
      and 'Traceback' not in self.errors + self.output
      and all(word in self.output for word in words)
    )

  def __str__(self) -> str:
    said = self.sentence.removeprefix('error: ')
    return f'exit code {self.code}' + (f', "{said[:_SHOWN]}..."' if said else '')


class Command:
  """A running command.

  Args:
    arguments: of Python, such as a script and its options.
    compiled: folder in which all runs share what they compile; None: where users have it.
    environment: what differs from this process's; None takes a variable away.

  Attributes:
    started: when, in seconds since the epoch.
  """

  def __init__(
    self,
    arguments: list[str],
    compiled: pathlib.Path | None,
    environment: Mapping[str, str | None] | None = None,
  ):
    self.started = time.time()
    self._process = subprocess.Popen(
      [sys.executable, *arguments],
      cwd=_ROOT,
      env=surroundings_of(compiled, environment),
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )

  @property
  def pid(self) -> int:
    """Of the process."""
    return self._process.pid

  def stop_when(self, reached: Callable[[], bool], delay: float, how: int) -> bool:
    """Sends the signal `how` some seconds after `reached`, 0 for none; False if the command ended
    before.
    """
    deadline = time.monotonic() + _PATIENCE
    while not reached():
      if self._process.poll() is not None:
        return False
      if time.monotonic() > deadline:
        self._process.kill()
        raise TimeoutError(f'nothing reached in {_PATIENCE} s: {self.finish().sentence}')
      time.sleep(0.002)
    time.sleep(delay)
    ended = self._process.poll() is not None
    self._process.send_signal(how)
    return not ended

  def send(self, signal: int) -> None:
    """Sends a signal now."""
    self._process.send_signal(signal)

  def finish(self) -> Ended:
    """Waits for its end."""
    output, errors = self._process.communicate(timeout=_PATIENCE)
    return Ended(self._process.returncode, errors, output)


def surroundings_of(
  compiled: pathlib.Path | None, environment: Mapping[str, str | None] | None = None
) -> dict[str, str]:
  """The environment of a command, as `Command` takes its arguments."""
  changed = {
    'JAX_COMPILATION_CACHE_DIR': None if compiled is None else str(compiled),
    # All that is compiled is kept: a restart should not cost more than the restart.
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    # What is as small as these runs is computed in no time, however it is compiled.
    'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
    **(environment or {}),
  }
  return {name: value for name, value in {**os.environ, **changed}.items() if value is not None}


def run(
  arguments: list[str],
  compiled: pathlib.Path | None,
  environment: Mapping[str, str | None] | None = None,
) -> Ended:
  """Runs a command to its end."""
  return Command(arguments, compiled, environment).finish()


def running_children(pid: int) -> list[int]:
  """The processes that a process started and that run, and theirs; of Linux alone."""
  children = []
  # A child is listed under the thread that started it.
  for path in pathlib.Path('/proc').glob(f'{pid}/task/*/children'):
    with contextlib.suppress(OSError):
      children += map(int, path.read_text().split())
  return children + [below for child in children for below in running_children(child)]


def runs(pid: int) -> bool:
  """Whether there is a process that has not ended."""
  try:
    state = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
  except OSError:
    return False
  return state != 'Z'
