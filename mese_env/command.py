"""Commands: what reads a command line, apart from what carries it out, which is slow to load."""

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from mese_env.command_line import Parser
from mese_env.errors import UserError, did_you_mean, exit_on_user_error, stop_while_loading
from mese_env.installing import explain_missing


class Command(NamedTuple):
  """One command.

  Attributes:
    summary: what it does, in a few words.
    parser: of the program's name and the arguments, what reads them.
    target: 'module:function' that takes the options and may return an exit code; it is loaded once
      they are read.
    kept: what a command that is stopped leaves, and how to go on.
  """

  summary: str
  parser: Callable[[str, Sequence[str]], Parser]
  target: str
  kept: str = ''

  def read(self, program: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The options that the arguments give; a UserError says what is wrong with them."""
    return self.parser(program, arguments).read(arguments)

  def carry_out(self, program: str, arguments: Sequence[str]) -> int:
    """Reads the arguments, and does what they say; returns the exit code.

    Args:
      program: what the user typed to get here.
      arguments: what follows it.

    Raises:
      UserError: an argument is wrong, a package is not installed, or what the target refuses.
    """
    options = self.read(program, arguments)
    with explain_missing(program):
      return self._load()(options) or 0

  def run(self, program: str, arguments: Sequence[str]) -> NoReturn:
    """Does it as a process, which ends here: with a sentence where something is wrong."""
    stop_while_loading()
    with exit_on_user_error():
      options = self.read(program, arguments)
    try:
      with explain_missing(program):
        carry_out = self._load()
    except UserError as error:
      with exit_on_user_error():
        raise error
    with exit_on_user_error(self.kept), explain_missing(program):
      sys.exit(carry_out(options))

  def _load(self) -> Callable[[argparse.Namespace], int | None]:
    module, _, name = self.target.partition(':')
    return getattr(importlib.import_module(module), name)


class Group(NamedTuple):
  """Commands under one name, whose first argument says which.

  Attributes:
    summary: what they are for.
    commands: by their names, in the order in which --help lists them.
    example: of what follows the program.
    default: what is done where the first argument names none; None: that is refused.
  """

  summary: str
  commands: 'Mapping[str, Command | Group]'
  example: str
  default: Command | None = None

  def carry_out(self, program: str, arguments: Sequence[str]) -> int:
    """As `Command.carry_out`."""
    command, program, arguments = self._chosen(program, arguments)
    return command.carry_out(program, arguments)

  def run(self, program: str, arguments: Sequence[str]) -> NoReturn:
    """As `Command.run`."""
    with exit_on_user_error():
      command, program, arguments = self._chosen(program, arguments)
    command.run(program, arguments)

  def parser(self, program: str, arguments: Sequence[str]) -> Parser:
    """Of the default, or of --help alone; its help lists the commands."""
    if self.default is None:
      parser = Parser(program, self.summary, self.example, 'COMMAND [OPTIONS]')
    else:
      parser = self.default.parser(program, arguments)
    width = max(map(len, self.commands))
    listed = [f'{name:{width}}  {command.summary}' for name, command in self.commands.items()]
    parser.explain(f'commands ({program} COMMAND --help explains each)', '\n'.join(listed))
    return parser

  def _chosen(
    self, program: str, arguments: Sequence[str]
  ) -> 'tuple[Command | Group, str, Sequence[str]]':
    first = arguments[0] if arguments else ''
    if first in self.commands:
      return self.commands[first], f'{program} {first}', arguments[1:]
    if first and not first.startswith('-'):
      near = did_you_mean(first, self.commands)
      raise UserError(f"{program} has no command '{first}'; {near}")
    parser = self.parser(program, arguments)
    if self.default is not None:
      return self.default._replace(parser=lambda *_: parser), program, arguments
    parser.read(arguments)
    raise UserError(f'no command is given; use one of {program} --help, as in {parser.example}.')
