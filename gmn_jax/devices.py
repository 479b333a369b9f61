"""The devices of JAX, asked for where what goes wrong can be said."""

import os

import jax

from mese_env.errors import UserError

_CHOICE = 'JAX_PLATFORMS'


def require_devices() -> None:
  """Starts JAX's backends, which takes a second or some.

  Raises:
    UserError: there is no such platform, or it does not work here.
  """
  try:
    jax.devices()
  # A platform that is not there is an AssertionError without a text, or a RuntimeError.
  except (AssertionError, RuntimeError, ValueError, OSError, ImportError) as error:
    reason = ([line for line in str(error).splitlines() if line.strip()] or ['no reason given'])[0]
    chosen = os.environ.get(_CHOICE)
    begun, remedy = (
      (f'{_CHOICE} is {chosen!r}, with which', f'set {_CHOICE}=cpu, or unset it; ')
      if chosen
      else ('', f'{_CHOICE}=cpu computes without an accelerator; ')
    )
    raise UserError(
      f'{begun} JAX finds no device ({reason.strip()[:200]}): {remedy}`python -m mese_env doctor` '
      'says what this machine has.'.strip()
    ) from error
