"""How a user installs what is missing, as every hint says it."""

import contextlib
import importlib.util
import pathlib
from collections.abc import Iterator

from mese_env.errors import UserError


def command(extra: str = '') -> str:
  """The command that installs the project: from a checkout if this is one, or by its name.

  Args:
    extra: of pyproject.toml, to install with it.
  """
  is_checkout = pathlib.Path(__file__).resolve().parents[1].joinpath('pyproject.toml').is_file()
  what = '.' if is_checkout else 'gmn-jax'
  named = f"'{what}[{extra}]'" if extra else what
  return f'python -m pip install {"-e " if is_checkout else ""}{named}'


@contextlib.contextmanager
def explain_missing(what: str) -> Iterator[None]:
  """Wraps what imports packages that an installation of the environment alone lacks.

  Args:
    what: needs them; it begins the sentence.

  Raises:
    UserError: a package is not installed; a module that one lacks is another matter, and passes.
  """
  try:
    yield
  except ModuleNotFoundError as error:
    package = (error.name or '').partition('.')[0]
    if not package or importlib.util.find_spec(package) is not None:
      raise
    raise UserError(
      f'{what} needs {package}, which is not installed; `{command()}` installs all that gmn-jax '
      'needs.'
    ) from error
