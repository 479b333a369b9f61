"""A mode's own small config as options: a field of its `Options` is `--<field>=<value>`."""

import argparse
import dataclasses
from collections.abc import Iterable
from typing import Any

from experiments.evaluation.declared import Field
from mese_env.command_line import Parser


def define(fields: Iterable[Field], parser: Parser, group: str, shared: Iterable[str] = ()) -> None:
  """Adds an option for each field.

  Args:
    fields: of a mode's `Options`.
    parser: of the command.
    group: the heading in its help.
    shared: names of options that the command has already; such a field reads that one.
  """
  for field in fields:
    if field.name not in shared:
      parser.option(field.name, field.kind, field.default, field.about, group=group)


def read(kind: type, given: argparse.Namespace) -> Any:
  """The dataclass `kind`, its fields as the options say.

  Raises:
    UserError: what `kind` itself refuses.
  """
  return kind(**{field.name: getattr(given, field.name) for field in dataclasses.fields(kind)})
