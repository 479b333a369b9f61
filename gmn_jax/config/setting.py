"""A setting of a config, declared with what its value may be; a section, which checks its own."""

import dataclasses
import math
import numbers
import re
from collections.abc import Collection
from typing import Any

from mese_env.errors import UserError, did_you_mean

# By the type of a field: the type of what is taken for it, and what that is called.
_TYPES = {
  bool: (bool, 'True or False'),
  int: (numbers.Integral, 'a whole number'),
  float: (numbers.Real, 'a finite number'),
  str: (str, 'a string'),
}
_LONGEST_SHOWN = 60  # of a value in a sentence


def setting(
  default: Any,
  *,
  at_least: float | None = None,
  at_most: float | None = None,
  since: str = '',
  choices: Collection[str] = (),
  fraction_of: str = '',
  is_name: bool = False,
  may_change: bool = False,
) -> Any:
  """A field of a section; a number has both bounds, or is a fraction.

  Args:
    default: of the small preset.
    at_least: the smallest value.
    at_most: the largest value.
    since: why no smaller or larger value makes sense, as the end of 'it must be at most 5, since'.
    choices: every value is one of them.
    fraction_of: the value is a fraction, from 0 to 1, of what this names.
    is_name: whether the value is part of a file's name.
    may_change: whether a run may go on with another value than it was started with, since the field
      does not decide what a step computes, to rounding.
  """
  return dataclasses.field(
    default=default,
    metadata={
      'at_least': at_least,
      'at_most': at_most,
      'since': since,
      'choices': choices,
      'fraction_of': fraction_of,
      'is_name': is_name,
      'may_change': may_change,
    },
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
  """Settings of which each is checked against its type and its declaration.

  Raises:
    UserError: names the field, its value and what it may be.
  """

  def __post_init__(self) -> None:
    for field in dataclasses.fields(self):
      value = _typed(field, getattr(self, field.name))
      _check(field, value)
      object.__setattr__(self, field.name, value)


def _typed(field: dataclasses.Field, value: Any) -> Any:
  """The value as the plain Python type of its field."""
  kind: Any = field.type
  taken, called = _TYPES[kind]
  # To Python a bool is a number.
  fits = isinstance(value, taken) and isinstance(value, bool) == (kind is bool)
  if not fits or (kind is float and not _is_finite(value)):
    raise UserError(f'{field.name} is {_shown(value)}; it must be {called}.')
  return kind(value)


def _is_finite(value: Any) -> bool:
  try:
    return math.isfinite(value)
  except OverflowError:  # A whole number that no float is as large as.
    return False


def _check(field: dataclasses.Field, value: Any) -> None:
  name, rule = field.name, field.metadata
  if rule['choices'] and value not in rule['choices']:
    near = did_you_mean(value, rule['choices'])
    raise UserError(f"{name} is '{value}'; {near}")
  since = f', since {rule["since"]}' if rule['since'] else ''
  if rule['at_least'] is not None and value < rule['at_least']:
    asked = f'at least {rule["at_least"]:,}' if rule['at_least'] else 'not negative'
    raise UserError(f'{name} is {_shown(value)}; it must be {asked}{since}.')
  if rule['at_most'] is not None and value > rule['at_most']:
    raise UserError(f'{name} is {_shown(value)}; it must be at most {rule["at_most"]:,}{since}.')
  if rule['fraction_of'] and not 0 <= value <= 1:
    raise UserError(
      f'{name} is {value}; it is a fraction of all {rule["fraction_of"]}, from 0 to 1.'
    )
  if rule['is_name'] and not re.fullmatch(r'\w[\w.-]*', value):
    raise UserError(
      f"{name} is '{value}'; it must be of letters, digits, '-', '_' and '.', since it names a "
      'folder.'
    )


def _shown(value: Any) -> str:
  shown = f'{value:,}' if type(value) is int else repr(value)
  return shown if len(shown) <= _LONGEST_SHOWN else f'{shown[:_LONGEST_SHOWN]}...'
