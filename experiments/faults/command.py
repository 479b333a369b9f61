"""What `python -m experiments.faults` takes; it loads nothing of what it does."""

import pathlib
from collections.abc import Sequence

from mese_env.command import Command
from mese_env.command_line import Parser

_ABOUT = """\
Breaks training, generation and commands in many ways, and prints what became of each.

Without --only it takes a quarter of an hour; the exit code is 1 if a promise was broken."""


def _parser(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, _ABOUT, '--only malformed names')
  page = 'the page to write the table to'
  parser.option('write', pathlib.Path, None, page, metavar='FILE')
  which = 'these alone, as their functions are called in experiments/faults/__main__.py'
  parser.option('only', str, None, which, nargs='+', metavar='NAME')
  return parser


COMMAND = Command('Breaks things on purpose.', _parser, 'experiments.faults.__main__:carry_out')
