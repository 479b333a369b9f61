"""What a command takes: options that --help explains, and refusals that name what was meant.

Imports nothing beyond Python's own library and `errors`, so that --help and a refusal come before
anything that is slow to load.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mese_env.errors import UserError, did_you_mean

Numbers = tuple[int, ...]
Words = tuple[str, ...]
# By the kind of an option's value, what stands for it in --help.
_SHOWN = {int: 'N', float: 'X', str: 'TEXT', Numbers: 'N,N', Words: 'TEXT,TEXT'}
_READ: dict[Any, Callable[[str], Any]] = {
  Numbers: lambda text: tuple(map(int, _parts(text))),
  Words: lambda text: tuple(_parts(text)),
}
_CALLED = {int: 'a whole number', float: 'a number', Numbers: 'a list of whole numbers'}
_SWITCHED = {'true': True, 't': True, '1': True, 'false': False, 'f': False, '0': False}
_HELP = ('-h', '--help')
_MOST_LISTED = 8  # options that a refusal names where none is near


class Parser(argparse.ArgumentParser):
  """Argparse's, with defaults and an example in its help, whose refusals are a `UserError`.

  A long option may have one dash or two, and its value after `=` or a space.

  Attributes:
    example: a command that works.

  Args:
    program: what the user typed to get here, as in 'gmn export'.
    about: what the command does.
    example: what follows the program in a command that works.
    usage: what follows the program in general.
    others: matches options that another reader is to check; none if empty.
  """

  def __init__(
    self, program: str, about: str, example: str, usage: str = '[OPTIONS]', others: str = ''
  ):
    self.example = f'{program} {example}'.rstrip()
    super().__init__(
      prog=program,
      usage=f'%(prog)s {usage}',
      description=about.strip(),
      epilog=f'example:\n  {self.example}',
      formatter_class=argparse.RawDescriptionHelpFormatter,
      allow_abbrev=False,
    )
    self._others = re.compile(others) if others else None
    self._names, self._switches = list(_HELP), set[str]()

  def option(
    self,
    name: str,
    kind: Any = str,
    default: Any = None,
    about: str = '',
    *,
    group: str = '',
    **further: Any,
  ) -> None:
    """Adds `--name=VALUE`, or for the kind `bool` the switch `--name`, undone by `--noname`.

    Args:
      name: without the dashes; further ones after a comma, the first of which is its attribute.
      kind: int, float, str, bool, `Numbers`, `Words`, or a function of the text.
      default: its value if it is not given.
      about: for the reader of --help, to whom the default is told besides.
      group: the heading it stands under.
      further: of argparse's `add_argument`.
    """
    spelled = [f'--{one}' if len(one) > 1 else f'-{one}' for one in name.split(',')]
    self._names += spelled
    place = self._group(group)
    nothing = default is None or default is False or default in ('', ())
    told = '' if nothing else f' (default: {_shown(default)})'
    text = (about + told).strip().replace('%', '%%')
    if kind is bool:
      self._switches.add(spelled[0])
      undo, named = f'--no{spelled[0][2:]}', {'dest': spelled[0][2:]} | further
      self._names.append(undo)
      place.add_argument(*spelled, action='store_true', default=default, help=text, **named)
      place.add_argument(undo, action='store_false', help=argparse.SUPPRESS, **named)
      return
    further = {'metavar': _SHOWN.get(kind, 'DIR')} | further
    read = _reader(spelled[0], kind, default)
    place.add_argument(*spelled, type=read, default=default, help=text, **further)

  def explain(self, title: str, text: str) -> None:
    """Adds a paragraph to the help."""
    self.add_argument_group(title, text)

  def read(self, arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the arguments; ends the process after --help.

    Returns:
      The options as attributes; besides, `given`, all arguments, and `passed`, those left to
      another reader, each with its value behind `=`.

    Raises:
      UserError: an argument is not understood, or needed and not there.
    """
    own, passed = self._divided(arguments)
    if {*_HELP} & {*own}:
      self.print_help()
      self.exit()
    for argument in own:
      self._refuse_unknown(argument)
    options, rest = self.parse_known_args(own)
    if rest:
      raise UserError(
        f"'{rest[0]}' is not understood; options begin with --, as in {self.example}."
      )
    options.given, options.passed = list(arguments), passed
    return options

  def error(self, message: str) -> NoReturn:
    """Raises what argparse finds wrong."""
    raise UserError(f'{message}; see {self.prog} --help.')

  def _group(self, title: str) -> Any:
    known = {group.title: group for group in self._action_groups}
    return known.get(title or 'options') or self.add_argument_group(title)

  def _divided(self, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments that are this parser's, spelled as argparse wants them, and the others."""
    own, passed, rest = [], [], list(arguments)
    while rest:
      argument = re.sub(r'^-(?=[A-Za-z][\w.-]+)', '--', rest.pop(0))
      if self._others is None or not self._others.match(argument):
        own.append(self._switched(argument))
        continue
      alone = '=' not in argument and not argument.startswith('--no')
      if alone and rest and not re.match(r'-+[A-Za-z]', rest[0]):
        argument += f'={rest.pop(0)}'
      passed.append(argument)
    return own, passed

  def _switched(self, argument: str) -> str:
    """`--build` for `--build=true`, and `--nobuild` for `--build=false`."""
    name, given, value = argument.partition('=')
    if not given or name not in self._switches:
      return argument
    if value.lower() not in _SWITCHED:
      raise UserError(f'{argument} is not understood; give {name} alone, or leave it out.')
    return name if _SWITCHED[value.lower()] else f'--no{name[2:]}'

  def _refuse_unknown(self, argument: str) -> None:
    name = argument.partition('=')[0]
    if re.match(r'-+[A-Za-z]', name) and name not in self._names:
      known = [one for one in self._names if not one.startswith('--no') and one not in _HELP]
      # Without the dashes, which are alike in all.
      words = [one.lstrip('-') for one in known]
      near = did_you_mean(name.lstrip('-'), words) if words else f'{self.prog} takes none.'
      if near.count(',') > _MOST_LISTED:
        near = f'{self.prog} --help lists those that there are.'
      raise UserError(f'there is no option {name}; {near}')


def require_at_least(options: Any, **bounds: float) -> None:
  """Refuses options whose fields are below their `bounds`.

  Raises:
    UserError: names the field, its value and what it may be.
  """
  for field, least in bounds.items():
    value = getattr(options, field)
    if value < least:
      raise UserError(f'--{field} is {value}; it must be at least {least}.')


def _reader(name: str, kind: Any, default: Any) -> Callable[[str], Any]:
  """Makes of an option's text its value."""
  convert = _READ.get(kind) or kind

  def read(text: str) -> Any:
    try:
      return convert(text)
    except ValueError as error:
      example = f'; write it as in {name}={_shown(default)}' if default not in (None, ()) else ''
      raise UserError(f'{name}={text} is not {_CALLED.get(kind, "valid")}{example}.') from error

  return read


def _parts(text: str) -> list[str]:
  return [part.strip() for part in text.split(',')] if text else []


def _shown(value: Any) -> str:
  return ','.join(map(str, value)) if isinstance(value, tuple) else str(value)
