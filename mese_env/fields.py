"""Checks what users give for the fields of a dataclass: the names, the types and the bounds."""

import inspect
import numbers
from collections.abc import Iterable, Mapping

from mese_env.errors import UserError, did_you_mean

_LONGEST = 60  # characters of a wrong value that a sentence repeats


def check_names(what: str, given: Iterable[str], known: Iterable[str]) -> None:
  """Raises a UserError that names the nearest known field for an unknown one of `what`."""
  fields = list(known)
  for field in given:
    if field not in fields:
      raise UserError(f'{what} has no field {field!r}: {did_you_mean(str(field), fields)}')


def checked(config: object, allowed: Mapping[str, range | tuple]) -> dict[str, int | str]:
  """Checks fields of a dataclass against their annotations and what they may be.

  Args:
    config: the dataclass, whose class itself annotates the fields as int or str.
    allowed: for each field to check a range of whole numbers, or the choices.

  Returns:
    The values by field; whole numbers of NumPy become Python's, which JSON can hold.

  Raises:
    UserError: a value is of another type, or is not allowed; the message says what is.
  """
  kinds = inspect.get_annotations(type(config), eval_str=True)
  return {
    field: check(field, getattr(config, field), kinds[field], choices)
    for field, choices in allowed.items()
  }


def check(field: str, value: object, kind: type, allowed: range | tuple) -> int | str:
  """Checks one value, called `field`, as `checked` does each of a dataclass.

  Raises:
    UserError: it is of another type than `kind`, or not allowed; the message says what is.
  """
  if fits(value, kind) and kind(value) in allowed:
    return kind(value)
  if isinstance(allowed, range):
    remedy = f'give a whole number from {allowed[0]:,} to {allowed[-1]:,}.'
  elif kind is str and isinstance(value, str):
    remedy = did_you_mean(value, allowed)
  else:
    remedy = f'use one of {", ".join(map(str, allowed))}.'
  raise UserError(f'{field} is {shown(value)}; {remedy}')


def fits(value: object, kind: type) -> bool:
  """Whether a value is of an annotated type; True and False are no numbers."""
  wanted = numbers.Integral if kind is int else kind
  return isinstance(value, wanted) and not isinstance(value, bool)


def shown(value: object) -> str:
  """A value as a sentence repeats it, shortened."""
  text = repr(value)
  return text if len(text) <= _LONGEST else f'{text[:_LONGEST]}...'
