"""Numbers that are not finite, and what to do about them."""

from mese_env.errors import UserError


def spoiled(what: str, because: str = '') -> UserError:
  """The refusal to go on with numbers that are not finite.

  Args:
    what: which numbers, what they are and when they became so.
    because: what else, besides the rate, may have caused it, as the beginning of the advice.
  """
  return UserError(
    f'{what}: the checkpoints before it are kept; {because}start again in another --workdir with a '
    'smaller learning_rate, or more warmup_steps.'
  )
