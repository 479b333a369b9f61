"""References written from the code: fields of a config, commands, and public names.

A line `<!-- generated: NAME -->` of a page becomes the reference of that name.
"""

import contextlib
import dataclasses
import importlib
import inspect
import os
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from sphinx.application import Sphinx

_MARK = re.compile(r'<!-- generated: (\w+) -->')
# What `numpy.typing.ArrayLike` is, as it stands in a signature.
_ARRAY_LIKE = re.compile(r'[~\w.]*_Buffer \|.*?\| [~\w.]*_NestedSequence\[[^\[\]]*\]')
_COLUMNS = '80'  # of the help of a command
# The rooms whose `__all__` is public, in the order of a reader.
_ROOMS = (
  'gmn_jax',
  'gmn_jax.models',
  'gmn_jax.config',
  'gmn_jax.senses',
  'gmn_jax.model',
  'gmn_jax.inference',
  'gmn_jax.optimisers',
  'gmn_jax.trackers',
  'gmn_jax.authors',
  'mese_env',
  'mese_env.gym',
  'tfds_mese',
)


def configuration() -> str:
  """Every field of a config, from the sections that declare it."""
  from gmn_jax import config
  from gmn_jax.config import sections

  presets = {name: config.preset(name) for name in config.PRESETS}
  comments = _comments(inspect.getsource(sections))
  written = []
  for section in sections.Section.__subclasses__():
    if section.__module__ != sections.__name__:
      continue
    written.append(f'## {section.__name__}\n\n{inspect.getdoc(section)}\n')
    for field in dataclasses.fields(section):
      values = {name: getattr(preset, field.name) for name, preset in presets.items()}
      written.append(
        f'### `{field.name}`\n\n{_linked(comments[field.name])}\n\n{_declared(field, values)}\n'
      )
  return '\n'.join(written)


def _comments(source: str) -> dict[str, str]:
  """By the field that stands below it, each comment of the sections."""
  found = re.findall(r'((?:^  # .*\n)+)^  (\w+): ', source, re.MULTILINE)
  return {name: re.sub(r'\n?^  # ', ' ', text, flags=re.M).strip() for text, name in found}


def _linked(comment: str) -> str:
  """A comment whose pages can be followed."""
  return re.sub(r'docs/([\w/]+\.md)', r'[\1](/\1)', comment)


def _declared(field: dataclasses.Field, values: dict[str, Any]) -> str:
  """A field's values in the presets, what it may be, and whether a run may change it."""
  if len(set(map(str, values.values()))) == 1:
    default = f'`{next(iter(values.values()))!r}`'
  else:
    default = ', '.join(f'`{value!r}` ({name})' for name, value in values.items())
  rule = field.metadata
  lines = [f'Type: {field.type.__name__}', f'Default: {default}']
  if rule['choices']:
    lines.append('Choices: ' + ', '.join(f'`{choice}`' for choice in rule['choices']))
  if rule['at_least'] is not None:
    since = f': {rule["since"]}' if rule['since'] else ''
    lines.append(f'Range: {rule["at_least"]:,} to {rule["at_most"]:,}{since}')
  if rule['fraction_of']:
    lines.append(f'Range: 0 to 1, a fraction of all {rule["fraction_of"]}')
  may = 'may' if rule['may_change'] else 'may not'
  lines.append(f'A run {may} go on with another value.')
  return '\n'.join(f'- {line}' for line in lines)


def commands() -> str:
  """The help of every command, from what declares it."""
  from experiments.gmn import GMN
  from gmn_jax.planning.command import PLAN
  from mese_env.commands import MESE

  with _columns():
    parts = [
      *_helped('gmn', GMN),
      *_helped('python -m mese_env', MESE),
      *_helped('python -m gmn_jax.plan', PLAN),
    ]
  return '\n'.join(parts)


def _helped(program: str, command: Any, level: int = 2) -> Iterator[str]:
  text = command.parser(program, ()).format_help()
  yield f'{"#" * level} {program}\n\n```text\n{text}```\n'
  for name, inner in getattr(command, 'commands', {}).items():
    yield from _helped(f'{program} {name}', inner, level + 1)


@contextlib.contextmanager
def _columns() -> Iterator[None]:
  """Of the width of a page, whatever the terminal's."""
  before = os.environ.get('COLUMNS')
  os.environ['COLUMNS'] = _COLUMNS
  try:
    yield
  finally:
    del os.environ['COLUMNS']
    if before is not None:
      os.environ['COLUMNS'] = before


def api() -> str:
  """Every public name: those in the `__all__` of a room."""
  return '\n'.join(_room(name) for name in _ROOMS)


def _room(name: str) -> str:
  module = importlib.import_module(name)
  # The examples in docstrings.
  lines = ['.. highlight:: python', '', f'.. automodule:: {name}', '   :no-members:', '']
  for public in module.__all__:
    if not public.startswith('__'):
      lines += _documented(name, public, getattr(module, public))
  return f'## {name}\n\n```{{eval-rst}}\n' + '\n'.join(lines) + '\n```\n'


def _documented(room: str, name: str, value: Any) -> list[str]:
  full = f'{room}.{name}'
  if inspect.ismodule(value):
    return []
  if inspect.isclass(value):
    # The fields of a tuple, and those of Flax's, are described with the class.
    hidden = ','.join((*getattr(value, '_fields', ()), 'name', 'parent', 'scope', 'setup'))
    return [
      f'.. autoclass:: {full}',
      '   :members:',
      f'   :exclude-members: {hidden}',
      '',
    ]
  if callable(value):
    return [f'.. autofunction:: {full}', '']
  return [f'.. py:data:: {full}', f'   :value: {_short(value)}', '']


def _short(value: Any) -> str:
  text = '{' + ', '.join(map(repr, value)) + '}' if isinstance(value, dict) else repr(value)
  return textwrap.shorten(text, 80, placeholder=' ...')


_WRITERS: dict[str, Callable[[], str]] = {
  'configuration': configuration,
  'commands': commands,
  'api': api,
}


def _read(app: 'Sphinx', docname: str, source: list[str]) -> None:
  del app, docname
  source[0] = _MARK.sub(lambda match: _WRITERS[match[1]](), source[0])


def _as_restructured(app: 'Sphinx', *of_object: Any) -> None:
  """Escapes what a docstring of ours means as it stands: the star of `*shape`, the s of `Env`s, and
  a letter that is a whole description, as in "samples: K.".
  """
  del app
  lines = of_object[-1]
  for i, line in enumerate(lines):
    starred = re.sub(r'(?<![\w*`\\])(\*+)(?=[\w{])', r'\\\1', line)
    plural = re.sub(r'((?<!`)`[^`]+`)(?=\w)', r'\1\\ ', starred)
    lines[i] = re.sub(r'(\w: )([A-Z]\.)$', r'\1\\\2', plural)


def _shorten(
  app: 'Sphinx',
  kind: str,
  name: str,
  value: Any,
  options: Any,
  signature: str | None,
  returned: str,
) -> tuple[str, str] | None:
  """A signature with NumPy's `ArrayLike` by its name."""
  del app, kind, name, value, options
  return (_ARRAY_LIKE.sub('ArrayLike', signature), returned) if signature else None


def setup(app: 'Sphinx') -> dict[str, bool]:
  """Enters what writes."""
  # After the links of the page were led to the site's, as which these here are written.
  app.connect('source-read', _read, priority=900)
  app.connect('autodoc-process-docstring', _as_restructured)
  app.connect('autodoc-process-signature', _shorten)
  return {'parallel_read_safe': True, 'parallel_write_safe': True}
