"""Folders that a user names: one reading of the text, one check that something can be written, one
way to keep what is in the way.

Imports nothing beyond Python's own library and `errors`, so that every command may import it.
"""

import contextlib
import itertools
import os
import pathlib
import re
import tempfile
from collections.abc import Callable

from mese_env.errors import UserError, quoted

# Also as `pathlib` leaves it, with one slash. One letter is no scheme anywhere.
_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]+):/+(.*)', re.DOTALL)
_THIS_MACHINE = 'file'
_LONGEST_NAME, _LONGEST_PATH = 255, 4095  # bytes, of Linux; macOS has the same for names
_CHECKPOINTS = 'checkpoints'  # of a run, as `gmn_jax.training.checkpoint` calls it


def read_folder(text: os.PathLike | str, option: str) -> pathlib.Path:
  """The folder that a user names, which need not be there yet.

  Args:
    text: what was given; `~` is the home folder.
    option: how it was given, as in '--workdir'; the message names it.

  Raises:
    UserError: the text is no folder of this machine, or what is there, or above it, is a file.
  """
  path = read_path(text, option)
  for place in (path, *path.parents):
    if _exists(place):
      if not place.is_dir():
        raise UserError(f'{option} is {path}, but {place} is a file; give another folder.')
      break
  return path


def read_path(text: os.PathLike | str, option: str) -> pathlib.Path:
  """The path that a user names, of a file or a folder; arguments as of `read_folder`.

  Raises:
    UserError: the text is no path of this machine.
  """
  given = os.fspath(text)
  if not given.strip():
    raise UserError(f'{option} is empty; give a folder.')
  if match := _SCHEME.match(given):
    if match[1].lower() == _THIS_MACHINE:
      raise UserError(f'{option} is {given}; leave {match[1]}:// out, as in /{match[2]}.')
    raise UserError(
      f'{option} is {given}, and only folders of this machine can be used; mount the storage (with '
      'gcsfuse or s3fs, say), or use a local folder and copy it afterwards.'
    )
  if any(ord(character) < 32 for character in given):
    raise UserError(f'{option} is {given!r}; leave the characters out that cannot be seen.')
  try:
    size = len(os.fsencode(given))
    path = pathlib.Path(given).expanduser()
  except UnicodeEncodeError as error:
    raise UserError(
      f'{option} is {given!r}, which this locale cannot write; set LANG=C.UTF-8, or give another '
      'name.'
    ) from error
  except RuntimeError as error:
    raise UserError(
      f'{option} is {given}, and there is no such home folder; set HOME, or write the path without '
      '~.'
    ) from error
  longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
  if longest > _LONGEST_NAME or size > _LONGEST_PATH:
    raise UserError(
      f'{option} is {given[:40]}..., whose name is too long; a name has at most {_LONGEST_NAME} '
      f'bytes and a path {_LONGEST_PATH}.'
    )
  return path


def argument(option: str) -> Callable[[str], pathlib.Path]:
  """`read_folder` as the `type` of argparse's option of that name."""
  return lambda text: read_folder(text, option)


def path_argument(option: str) -> Callable[[str], pathlib.Path]:
  """`read_path` as the `type` of argparse's option of that name."""
  return lambda text: read_path(text, option)


def home_folder() -> pathlib.Path | None:
  """The user's home; None where there is none, as for a uid without an entry and without HOME."""
  with contextlib.suppress(RuntimeError):
    return pathlib.Path.home()
  return None


def require_writable(folder: pathlib.Path, remedy: str) -> None:
  """Refuses a folder in which nothing can be made, before there is something to lose.

  Args:
    folder: need not be there yet, and is not made.
    remedy: ends the sentence.

  Raises:
    UserError: it, or what is there of it, cannot be written.
  """
  place = next((path for path in (folder, *folder.parents) if _exists(path)), pathlib.Path())
  try:
    # Permissions alone do not tell: the disk may be read-only, and root may write what nobody may.
    with tempfile.TemporaryFile(dir=place):
      pass
  except OSError as error:
    raise UserError(f'cannot write to {place} ({error.strerror}): {remedy}') from error


def move_aside(path: pathlib.Path, name: pathlib.Path) -> pathlib.Path:
  """Renames a file or folder, to `name` or, where that is taken, `name` with a number; returns it.

  Raises:
    OSError: it cannot be renamed.
  """
  names = (name.with_stem(f'{name.stem}-{number}') for number in itertools.count(2))
  aside = next(each for each in itertools.chain([name], names) if not each.exists())
  path.rename(aside)
  return aside


def refuse_inside_run(workdir: pathlib.Path, option: str) -> None:
  """Refuses a folder within the checkpoints of a run, which are cleared as new ones are saved.

  Raises:
    UserError: names the folder of the run.
  """
  place = workdir.resolve()
  for folder in (place, *place.parents):
    if folder.name == _CHECKPOINTS and _holds_steps(folder):
      raise UserError(
        f'{option} is {workdir}, in the checkpoints of a run; give the folder of the run, '
        f'{option}={quoted(folder.parent)}, or a new one elsewhere.'
      )


def refuse_inside_data(workdir: pathlib.Path, option: str, data: pathlib.Path) -> None:
  """Refuses a folder that is, or is within, the folder `data` of a dataset.

  Raises:
    UserError: names both.
  """
  if workdir.resolve().is_relative_to(data.resolve()):
    raise UserError(
      f'{option} is {workdir}, in the folder of the dataset, {data}; give one outside of it.'
    )


def _exists(path: pathlib.Path) -> bool:
  # What may not be looked at is there.
  with contextlib.suppress(PermissionError):
    return path.exists()
  return True


def _holds_steps(folder: pathlib.Path) -> bool:
  with contextlib.suppress(OSError):
    return any(entry.name.isdigit() for entry in folder.iterdir())
  return False
