"""What a mode's module says of itself, read from its text: to import it takes seconds."""

import ast
import importlib.util
import pathlib
from typing import Any, NamedTuple

from mese_env.command_line import Numbers, Words

_KINDS = {
  'bool': bool,
  'int': int,
  'float': float,
  'str': str,
  'tuple[int, ...]': Numbers,
  'tuple[str, ...]': Words,
}


class Field(NamedTuple):
  """A field of a mode's `Options`: its name, type, default, and the comment above it."""

  name: str
  kind: Any
  default: Any
  about: str


class Declared(NamedTuple):
  """A module's docstring, and the fields of its class `Options`."""

  doc: str
  fields: tuple[Field, ...]


def declared(module: str, options: str = 'Options') -> Declared:
  """Reads a module, of which nothing is run.

  Args:
    module: its name.
    options: the name of its dataclass of options, whose defaults are literals.
  """
  spec = importlib.util.find_spec(module)
  if spec is None or spec.origin is None:
    raise ModuleNotFoundError(module)
  text = pathlib.Path(spec.origin).read_text()
  tree, lines = ast.parse(text), text.splitlines()
  (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == options)
  fields = [
    Field(
      node.target.id,
      _KINDS[ast.unparse(node.annotation)],
      ast.literal_eval(node.value),
      _comment_above(node.lineno - 1, lines),
    )
    for node in found.body
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
  ]
  return Declared(ast.get_docstring(tree) or '', tuple(fields))


def _comment_above(number: int, lines: list[str]) -> str:
  """The comment that ends right above a line, as one line."""
  said = []
  while lines[number - 1].lstrip().startswith('#'):
    number -= 1
    said.insert(0, lines[number].lstrip().removeprefix('#').strip())
  return ' '.join(said)
