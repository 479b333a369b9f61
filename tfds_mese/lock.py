"""Holds a folder for one process."""

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator

NAME = '.lock'


@contextlib.contextmanager
def held(folder: pathlib.Path, busy: Exception) -> Iterator[None]:
  """Makes the folder and holds it for this process alone; a killed process lets go of it.

  Args:
    folder: to hold.
    busy: what is raised where another process holds it.

  Raises:
    OSError: it cannot be made or written.
  """
  folder.mkdir(parents=True, exist_ok=True)
  with (folder / NAME).open('w') as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      raise busy from error
    yield
