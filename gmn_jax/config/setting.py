"""A setting of a config, declared with what its value may be; a section, which checks its own."""

import dataclasses
import math
import numbers
from collections.abc import Collection
from typing import Any

from mese_env.errors import UserError, nearest

# By the type of a field: the type of what is taken for it, and what that is called.
_TYPES = {
  bool: (bool, 'True or False'),
  int: (numbers.Integral, 'a whole number'),
  float: (numbers.Real, 'a finite number'),
  str: (str, 'a string'),
}


def setting(
  default: Any,
  *,
  at_least: int | None = None,
  at_most: int | None = None,
  positive: bool = False,
  choices: Collection[str] = (),
  fraction_of: str = '',
  may_change: bool = False,
) -> Any:
  """A field of a section.

  Args:
    default: of the small preset.
    at_least: the smallest value.
    at_most: the largest value.
    positive: whether the value is above zero.
    choices: every value is one of them.
    fraction_of: the value is a fraction, from 0 to 1, of what this names.
    may_change: whether a run may go on with another value than it was started with, since the field
      does not decide what a step computes, to rounding.
  """
  return dataclasses.field(
    default=default,
    metadata={
      'at_least': at_least,
      'at_most': at_most,
      'positive': positive,
      'choices': choices,
      'fraction_of': fraction_of,
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
  if not fits or (kind is float and not math.isfinite(value)):
    raise UserError(f'{field.name} is {value!r}; it must be {called}.')
  return kind(value)


def _check(field: dataclasses.Field, value: Any) -> None:
  name, rule = field.name, field.metadata
  if rule['choices'] and value not in rule['choices']:
    near = nearest(value, rule['choices'])
    raise UserError(
      f"{name} is '{value}'; use one of {', '.join(rule['choices'])}; did you mean '{near}'?"
    )
  if rule['at_least'] is not None and value < rule['at_least']:
    asked = f'at least {rule["at_least"]}' if rule['at_least'] else 'not negative'
    raise UserError(f'{name} is {value}; it must be {asked}.')
  if rule['at_most'] is not None and value > rule['at_most']:
    raise UserError(f'{name} is {value}; it must be at most {rule["at_most"]}.')
  if rule['positive'] and value <= 0:
    raise UserError(f'{name} is {value}; it must be positive.')
  if rule['fraction_of'] and not 0 <= value <= 1:
    raise UserError(
      f'{name} is {value}; it is a fraction of all {rule["fraction_of"]}, from 0 to 1.'
    )
