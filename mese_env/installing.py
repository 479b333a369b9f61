"""How a user installs what is missing, as every hint says it."""

import pathlib


def command(extra: str = '') -> str:
  """The command that installs the project: from a checkout if this is one, or by its name.

  Args:
    extra: of pyproject.toml, to install with it.
  """
  is_checkout = pathlib.Path(__file__).resolve().parents[1].joinpath('pyproject.toml').is_file()
  what = '.' if is_checkout else 'gmn-jax'
  named = f"'{what}[{extra}]'" if extra else what
  return f'python -m pip install {"-e " if is_checkout else ""}{named}'
