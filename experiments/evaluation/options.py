"""A mode's own small config as flags: a field of its `Options` is `--<field>=<value>`."""

import dataclasses
import inspect
import typing
from typing import Any

from absl import flags

from mese_env.errors import UserError

_DEFINE = {
  bool: flags.DEFINE_bool,
  int: flags.DEFINE_integer,
  float: flags.DEFINE_float,
  str: flags.DEFINE_string,
}


def define(kind: type, values: flags.FlagValues) -> None:
  """Defines a flag for each field of the dataclass `kind`.

  Fields are of type bool, int, float, str, or tuples of int or str, written as comma lists. A field
  of which the command has a flag already, such as `build`, reads that one.
  """
  for field in dataclasses.fields(kind):
    if field.name in values:
      continue
    if field.type in _DEFINE:
      _DEFINE[field.type](field.name, field.default, '', flag_values=values)
    else:
      flags.DEFINE_list(field.name, [str(part) for part in field.default], '', flag_values=values)


def read(kind: type, values: flags.FlagValues) -> Any:
  """The dataclass `kind`, its fields as the flags say.

  Raises:
    UserError: part of a list is no number where the field wants numbers, or what `kind` itself
      refuses.
  """
  return kind(**{f.name: _converted(f, values[f.name].value) for f in dataclasses.fields(kind)})


def describe(kind: type) -> str:
  """The fields of the dataclass `kind` with their defaults and comments, for a reader of --help."""
  return inspect.getsource(kind).split('\n  def ')[0].rstrip()


def require_at_least(options: Any, **bounds: int) -> None:
  """Refuses options whose fields are below their `bounds`.

  Raises:
    UserError: names the field, its value and what it may be.
  """
  for field, least in bounds.items():
    value = getattr(options, field)
    if value < least:
      raise UserError(f'--{field} is {value}; it must be at least {least}.')


def _converted(field: dataclasses.Field, value: Any) -> Any:
  if field.type in _DEFINE:
    return value
  kind = typing.get_args(field.type)[0]
  try:
    return tuple(kind(part) for part in value)
  except ValueError as error:
    example = ','.join(map(str, field.default))
    raise UserError(
      f'--{field.name}={",".join(value)} is not a list of whole numbers; write it as in '
      f'--{field.name}={example}.'
    ) from error
