"""Why a checkpoint cannot be read, and what to do about it: only what is damaged has to go."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

import orbax.checkpoint as ocp

from mese_env.errors import UserError, first_line

_AGAIN = 'and the same command goes on.'
# What the system reports that says nothing about the checkpoint, and what to do.
_ELSEWHERE = (
  ((errno.EACCES, errno.EPERM), 'ask the user whose it is to let you read it, ' + _AGAIN),
  ((errno.ENOMEM,), 'free some memory, ' + _AGAIN),
  ((errno.EMFILE, errno.ENFILE), 'allow more open files with `ulimit -n`, ' + _AGAIN),
  (
    (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENXIO, errno.ENODEV),
    'see to the disk, or copy the run to another one, ' + _AGAIN,
  ),
)
# How the libraries that read arrays put some of these.
_WORDS = {
  'PERMISSION_DENIED': errno.EACCES,
  'RESOURCE_EXHAUSTED': errno.ENOMEM,
  'Out of memory': errno.ENOMEM,
}


@contextlib.contextmanager
def explain_unreadable(folder: pathlib.Path, whole: str = '') -> Iterator[None]:
  """Wraps what reads a checkpoint.

  Args:
    folder: of the checkpoint.
    whole: where its files are known to be as they were written, which versions wrote it.

  Raises:
    UserError: instead of whatever is raised.
  """
  try:
    yield
  except UserError:
    raise
  except Exception as error:  # What is raised depends on what is wrong with which file.
    raise _explained(folder, whole, error) from error


def damaged(folder: pathlib.Path, reason: str) -> UserError:
  """What is said of a checkpoint that is not what was written."""
  others = [step for step in ocp.utils.checkpoint_steps(folder.parent) if str(step) != folder.name]
  if others:
    remedy = f'to go on from step {max(others)}'
  elif (folder / 'training').exists():
    remedy = 'to start again'
  else:
    remedy = 'and export the model, or fetch it, again'
  return UserError(
    f'the checkpoint {folder} cannot be read ({reason}); move that folder out of {folder.parent} '
    f'{remedy}.'
  )


def _explained(folder: pathlib.Path, whole: str, error: Exception) -> UserError:
  reason = first_line(error)
  code = _code(error)
  for codes, remedy in _ELSEWHERE:
    if code in codes:
      return UserError(f'the checkpoint {folder} cannot be read now ({reason}): {remedy}')
  if whole:
    return UserError(
      f'the checkpoint {folder} is as it was written, by {whole}, but orbax {ocp.__version__} '
      f'cannot read it here ({reason}); use it with the versions that wrote it.'
    )
  return damaged(folder, reason)


def _code(error: BaseException | None) -> int | None:
  """The system's error that an exception, or one behind it, stands for."""
  while error is not None:
    if isinstance(error, MemoryError):
      return errno.ENOMEM
    if isinstance(error, OSError) and error.errno:
      return error.errno
    for word, code in _WORDS.items():
      if word in str(error):
        return code
    for codes, _ in _ELSEWHERE:
      for code in codes:
        if os.strerror(code) in str(error):
          return code
    error = error.__cause__ or error.__context__
  return None
