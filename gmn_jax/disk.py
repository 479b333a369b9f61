"""A full disk, said in a sentence."""

import contextlib
import errno
import pathlib
from collections.abc import Iterator

from mese_env.errors import UserError


@contextlib.contextmanager
def explain_full_disk(workdir: pathlib.Path) -> Iterator[None]:
  """Turns whatever a full disk raises while a run writes to `workdir` into a `UserError`."""
  try:
    yield
  except (OSError, ValueError) as error:
    # It comes as an OSError from Python, and as a ValueError from the store of the checkpoints.
    if getattr(error, 'errno', None) != errno.ENOSPC and 'No space left' not in str(error):
      raise
    raise UserError(
      f'the disk of {workdir} is full, and the last complete checkpoint is kept; make room, and '
      'the same command goes on from there.'
    ) from error
