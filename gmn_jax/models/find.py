"""Where a model lies that is asked for by name: beside this file, in a folder, or on the hub."""

import contextlib
import os
import pathlib
import re
import shutil
from typing import NamedTuple

from gmn_jax.training import exported
from mese_env import folders
from mese_env.errors import UserError, did_you_mean, quoted

_BUNDLED = pathlib.Path(__file__).parent
_OF_THE_HUB = re.compile(r'\w[\w.-]*/\w[\w.-]*')


class Found(NamedTuple):
  """Where a model lies.

  Attributes:
    folder: that holds it.
    own: whether it is the user's, where things may be written.
  """

  folder: pathlib.Path
  own: bool


def bundled() -> list[str]:
  """The names of the models that come along."""
  return sorted(path.name for path in _BUNDLED.iterdir() if exported.is_exported(path))


def find(name: str | os.PathLike, revision: str | None = None) -> Found:
  """Where a model lies; one of the hub is fetched.

  Args:
    name: of a model that comes along, or else a folder, or else 'org/name' on the hub.
    revision: of a model of the hub: a branch, tag or commit.

  Raises:
    UserError: there is no such model, or it cannot be fetched.
  """
  given = os.fspath(name)
  if given in bundled():
    found = Found(_BUNDLED / given, own=False)
  else:
    path = folders.read_folder(given, 'the model')
    found = Found(path, own=not _is_bundled(path)) if path.is_dir() else None
  if found is None and _OF_THE_HUB.fullmatch(given):
    # What else fetches from the hub is not always installed.
    from gmn_jax.models import hub

    return Found(hub.download(given, revision), own=False)
  if found is None:
    raise UserError(f"there is no model '{given}' and no such folder; {_instead(given)}")
  if revision is not None:
    raise UserError(
      f"revision is '{revision}', but the model '{given}' is not of the hub; leave it out."
    )
  return found


def run_folder(name: str | os.PathLike, into: str | os.PathLike) -> pathlib.Path:
  """A folder that `gmn_jax.checkpoint.load_run` reads, and where evaluations may write.

  A folder of the user's is itself that. A model that comes along, or is of the hub, is copied to
  `into`, unless it is there from before: nothing is ever written beside the original.

  Args:
    name: as `load` takes it.
    into: where a copy goes, such as 'runs/apoe-small'.

  Raises:
    UserError: there is no such model, or `into` holds something else or cannot be written.
  """
  found, copy = find(name), folders.read_folder(into, 'the folder of the copy')
  if found.own:
    return found.folder
  refuse_bundled(copy, 'the folder of the copy')
  if _holds(copy, found.folder):
    return copy
  try:
    copy.mkdir(parents=True, exist_ok=True)
    if any(copy.iterdir()):
      raise UserError(f"{copy} holds something else than the model '{name}'; give another folder.")
    for file in exported.FILES:
      # A card may be missing.
      with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(found.folder / file, copy / file)
  except OSError as error:
    raise UserError(f'cannot write to {copy} ({error.strerror}); give another folder.') from error
  return copy


def refuse_bundled(folder: pathlib.Path, option: str) -> None:
  """Refuses to write where the models lie that come along.

  Raises:
    UserError: names the folder, and how to copy the model.
  """
  if _is_bundled(folder):
    raise UserError(
      f'{option} is {folder}, in the installed package, where nothing is written; copy it to a '
      f'folder of your own first, as in `cp -r {quoted(folder)} {quoted("runs/" + folder.name)}`.'
    )


def _is_bundled(folder: pathlib.Path) -> bool:
  return folder.resolve().is_relative_to(_BUNDLED.resolve())


def _holds(copy: pathlib.Path, original: pathlib.Path) -> bool:
  # It has the hashes of the others.
  with contextlib.suppress(OSError):
    return (copy / exported.CONFIG).read_bytes() == (original / exported.CONFIG).read_bytes()
  return False


def _instead(given: str) -> str:
  return did_you_mean(given, bundled())
