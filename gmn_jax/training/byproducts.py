"""What a run makes besides its checkpoints, and can do without."""

import contextlib
import sys
from collections.abc import Iterator

from mese_env.errors import first_line, full_disk


@contextlib.contextmanager
def never_fatal(what: str) -> Iterator[None]:
  """Turns an error into a line on stderr, but for a full disk, which concerns checkpoints too.

  Args:
    what: is made within the context; begins the line.
  """
  try:
    yield
  except Exception as error:  # A by-product may fail in any way.
    if full_disk(error):
      raise
    print(f'{what} failed ({first_line(error)}); training goes on.', file=sys.stderr, flush=True)
