"""The one exception that a command turns into a single sentence and exit code 2."""

import contextlib
import sys
from collections.abc import Iterator


class UserError(Exception):
  """Something the user can put right; the message names the thing and the remedy."""


@contextlib.contextmanager
def exit_on_user_error() -> Iterator[None]:
  """Turns a `UserError` into its sentence on stderr and exit code 2, without a traceback."""
  try:
    yield
  except UserError as error:
    print(f'error: {error}', file=sys.stderr)
    sys.exit(2)
