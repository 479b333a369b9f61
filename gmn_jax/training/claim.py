"""The folder of a run, which one program at a time writes."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import sys
import tempfile
from types import TracebackType
from typing import IO, Self

import jax
import numpy as np
from jax.experimental import multihost_utils

from gmn_jax.training.distributed import leads
from mese_env.errors import UserError, full_disk

_LOCK = '.lock'
# Where a program writes in it.
_FOLDERS = ('.', 'checkpoints', 'tensorboard', 'samples')
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)


class Claim:
  """Makes a folder and holds it against other programs; a context, of all processes of a run.

  The system releases it when the process that holds it ends, in whatever way.

  Args:
    workdir: the folder.

  Raises:
    UserError: another program holds it, or it cannot be made or written.
  """

  def __init__(self, workdir: str | pathlib.Path):
    self._workdir = pathlib.Path(workdir)
    self._made = False
    self._lock: IO[str] | None = None

  def __enter__(self) -> Self:
    refusal = None
    if leads():
      try:
        self._take()
      except UserError as error:
        refusal = error
    if jax.process_count() > 1:
      refused = multihost_utils.broadcast_one_to_all(np.int32(refusal is not None))
      if refused and refusal is None:
        refusal = UserError(
          f'the first process cannot write to {self._workdir}; do what its message says.'
        )
    if refusal is not None:
      self._release()
      raise refusal
    return self

  def __exit__(
    self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
  ) -> None:
    self._release()

  def _take(self) -> None:
    workdir = self._workdir
    try:
      self._made = not workdir.exists()
      workdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise _refusal(f'cannot make the folder {workdir}', workdir, error) from error
    try:
      self._lock = _locked(workdir / _LOCK, workdir)
      for folder in (workdir / name for name in _FOLDERS):
        if folder.is_dir():
          tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
      raise _refusal(f'cannot write to {workdir}', workdir, error) from error

  def _release(self) -> None:
    if self._lock is not None:
      with contextlib.suppress(OSError):
        pathlib.Path(self._lock.name).unlink()
      self._lock.close()
      self._lock = None
    if self._made:
      # Nothing was written: that is no run.
      with contextlib.suppress(OSError):
        self._workdir.rmdir()


def _locked(path: pathlib.Path, workdir: pathlib.Path) -> IO[str]:
  """The lock's file, open and locked, with who holds it written in it."""
  while True:
    file = path.open('a+')
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      with file:
        file.seek(0)
        holder = file.read().strip() or 'that has just begun'
      raise UserError(
        f'{workdir} is in use by another program, {holder}; wait until that has ended, stop it, or '
        'give another --workdir.'
      ) from error
    except OSError as error:
      if error.errno not in _NO_LOCKS:
        file.close()
        raise
      print(
        f'the file system of {workdir} has no locks ({error.strerror}): nothing keeps another '
        'program from writing there too.',
        file=sys.stderr,
      )
      return file
    # One that has just ended may have removed it after it was opened here.
    with contextlib.suppress(FileNotFoundError):
      if os.path.samestat(path.stat(), os.fstat(file.fileno())):
        break
    file.close()
  file.truncate(0)
  file.write(f'process {os.getpid()} on {socket.gethostname()}')
  file.flush()
  return file


def _refusal(problem: str, workdir: pathlib.Path, error: OSError) -> Exception:
  """What is said of an error; a full disk is explained elsewhere."""
  if full_disk(error):
    return error
  whose = ''
  with contextlib.suppress(OSError, KeyError):
    if workdir.stat().st_uid != os.getuid():
      whose = f'; it is of the user {workdir.owner()}'
  return UserError(f'{problem} ({error.strerror or error}{whose}); give another --workdir.')
