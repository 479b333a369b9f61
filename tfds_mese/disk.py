"""Says in a sentence what keeps a folder from being written."""

import contextlib
import errno
import os
from collections.abc import Iterator

from mese_env.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


@contextlib.contextmanager
def writing(folder: os.PathLike | str) -> Iterator[None]:
  """Wraps what writes below `folder`.

  Raises:
    UserError: the disk is full, or the folder cannot be written; other errors pass.
  """
  try:
    yield
  except OSError as error:
    if error.errno in _FULL:
      raise UserError(
        f'the disk of {folder} is full: free some space and run the same command again, which '
        'continues, or choose another place with --data_dir.'
      ) from error
    if error.errno in _UNWRITABLE:
      raise UserError(
        f'cannot write to {folder} ({error.strerror}): choose another place with --data_dir.'
      ) from error
    raise
