"""The hub of Hugging Face, where models lie under 'org/name'; needs the extra `hub`."""

import contextlib
import pathlib
import types
from collections.abc import Iterator

from gmn_jax.training import exported
from mese_env import installing
from mese_env.errors import UserError, first_line

_NOT_THERE, _REFUSED = 404, (401, 403)  # of HTTP


def download(name: str, revision: str | None = None) -> pathlib.Path:
  """The folder of a model in the hub's cache, which is filled if it must be.

  Args:
    name: 'org/name'.
    revision: a branch, tag or commit; None: the main branch.

  Raises:
    UserError: `huggingface_hub` is not installed, there is no such model, or it can neither be
      fetched nor was it before.
  """
  library = _library(f"there is no folder '{name}', and to look for it on the hub")
  asked = f"'{name}'" + (f" at '{revision}'" if revision else '')
  with _explained(library, f'there is no folder {name}, and the model {asked} of the hub'):
    folder = library.snapshot_download(name, revision=revision, allow_patterns=list(exported.FILES))
  if not exported.is_exported(pathlib.Path(folder)):
    raise UserError(
      f'the model {asked} of the hub was not saved by gmn_jax: it has no {exported.CONFIG}; give '
      'another name.'
    )
  return pathlib.Path(folder)


def upload(folder: pathlib.Path, name: str, private: bool) -> str:
  """Uploads a model's folder; returns the address of its page.

  Args:
    folder: as `exported.save_model` writes it.
    name: 'org/name', made if it is not there.
    private: whether others may not see it, if it is made.

  Raises:
    UserError: `huggingface_hub` is not installed, or the hub refuses or cannot be reached.
  """
  library = _library('to upload a model')
  with _explained(library, f"the model '{name}'"):
    address = library.create_repo(name, private=private, exist_ok=True)
    library.upload_folder(
      repo_id=name, folder_path=folder, commit_message='Upload a model of gmn_jax'
    )
  return str(address)


def _library(purpose: str) -> types.ModuleType:
  try:
    import huggingface_hub
    import huggingface_hub.errors
  except ImportError as error:
    raise UserError(
      f'{purpose}, huggingface_hub is needed; `{installing.command("hub")}` installs it.'
    ) from error
  return huggingface_hub


@contextlib.contextmanager
def _explained(library: types.ModuleType, what: str) -> Iterator[None]:
  """Makes a sentence of whatever the library raises."""
  errors = library.errors
  try:
    yield
  except errors.GatedRepoError as error:
    raise UserError(f'{what} asks for its terms to be accepted; do so on its page.') from error
  except errors.RevisionNotFoundError as error:
    raise UserError(f'{what} is not there, though the model is; give another revision.') from error
  except Exception as error:  # Behind the library are others, which change with its versions.
    reason = first_line(error.__cause__ or error)
    status = getattr(getattr(error, 'response', None), 'status_code', None)
    if status == _NOT_THERE or isinstance(error, errors.RepositoryNotFoundError):
      remedy = 'is not there; give another name, or run `hf auth login` if it is private.'
    elif status in _REFUSED:
      remedy = f'is refused by the hub ({reason}); run `hf auth login`, or give a name of your own.'
    elif isinstance(error, errors.HFValidationError):
      remedy = f'cannot be there ({reason}); write it as in org/name.'
    else:
      remedy = f'cannot be reached ({reason}); see to the connection, or give a folder.'
    raise UserError(f'{what} {remedy}') from error
