"""What all packages say to a user: the one exception that becomes a sentence, and its words.

Imports nothing of this project, so that anything may import it.
"""

import contextlib
import difflib
import errno
import os
import sys
from collections.abc import Iterable, Iterator

_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


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
    # It comes as an OSError from Python, and as a ValueError from the store of the checkpoints.
    if getattr(error, 'errno', None) not in _FULL and 'No space left' not in str(error):
      raise
    raise UserError(f'the disk of {folder} is full: {remedy}') from error


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
