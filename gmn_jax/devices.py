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
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = said[0][:200] if said else 'no reason given'
    begun, remedy = '', f'{_CHOICE}=cpu computes without an accelerator'
    if chosen := os.environ.get(_CHOICE):
      begun, remedy = f'{_CHOICE} is {chosen!r}, with which ', f'set {_CHOICE}=cpu, or unset it'
    raise UserError(
      f'{begun}JAX finds no device ({reason}): {remedy}; `python -m mese_env doctor` says what '
      'this machine has.'
    ) from error
