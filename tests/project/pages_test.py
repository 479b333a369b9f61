"""What the pages tell a reader to type works: their Python runs, their commands are understood."""

import importlib
import pathlib
import re
import shlex
import tomllib
from collections.abc import Collection

import pytest

from experiments.commands import MAIN
from experiments.gmn import GMN
from gmn_jax.config import config_file
from gmn_jax.model import POOLINGS
from gmn_jax.senses.sets import MODALITY_SETS
from mese_env.command import Command, Group
from mese_env.errors import UserError
from mese_env.objects import OBJECT_TYPES
from tests.pages import ROOT, Block, blocks, commands, pages, printed
from tfds_mese.commands import DATA

# Its Python runs in tests/mese_env/environment_page_test.py, where all that it prints is compared.
_ELSEWHERE = {'docs/environment.md'}
# Commands that take a second or two as they are written.
_CHEAP = ('python -m mese_env grasp', 'python -m mese_env sensors --scenes 2')
# Programs that are not ours, and modules that are not.
_OTHERS = {'.', 'cd', 'git', 'hf', 'pre-commit', 'rm', 'uv', 'uvx'}
_MODULES = {'build', 'pytest', 'venv'}


def _name(page: pathlib.Path) -> str:
  return page.relative_to(ROOT).as_posix()


def _of_kind(kind: str, but: Collection[str] = ()) -> list:
  return [
    pytest.param(page, id=_name(page))
    for page in pages()
    if _name(page) not in but and any(block.kind == kind for block in blocks(page))
  ]


@pytest.fixture
def tables():
  """What a page enters in the tables of the packages is taken out again."""
  before = [(table, dict(table)) for table in (POOLINGS, MODALITY_SETS, OBJECT_TYPES)]
  yield
  for table, content in before:
    table.clear()
    table.update(content)


@pytest.mark.long
@pytest.mark.usefixtures('tables')
@pytest.mark.parametrize('page', _of_kind('python', _ELSEWHERE))
def test_the_python_of_a_page_runs_and_prints_what_it_says(page, tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  names = {'__name__': page.stem}
  for block in blocks(page):
    if block.kind == 'sh' or block.left_out:
      continue
    exec(compile(block.code, str(page), 'exec'), names)
    shown = capsys.readouterr().out.splitlines()
    if said := printed(block.code):
      assert shown == said


@pytest.mark.parametrize('page', _of_kind('sh'))
def test_the_commands_of_a_page_are_understood(page, monkeypatch):
  monkeypatch.chdir(ROOT)
  for block in blocks(page):
    for line in _lines(block):
      _check(line)


@pytest.mark.long
def test_what_is_quick_of_the_commands_of_pages_runs(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  done = set()
  for page in pages():
    for line in [line for block in blocks(page) for line in _lines(block)]:
      if line.startswith(_CHEAP):
        program, command, arguments = _ours(shlex.split(line, comments=True))
        assert command.carry_out(program, arguments) == 0
        done.add(next(filter(line.startswith, _CHEAP)))
  assert done == set(_CHEAP)


@pytest.mark.parametrize(
  'line',
  [
    'gmn densty apoe-small',
    'gmn train --config=apoe --config.widht=3',
    'gmn density apoe-small --sampels=3',
    'python experiments/nothing.py',
    'python -m pip install ".[vis]"',
    'make everything',
    'sh docs/nothing.sh',
    'gnm train',
  ],
)
def test_a_command_that_would_fail_is_found(line, monkeypatch):
  monkeypatch.chdir(ROOT)
  with pytest.raises((AssertionError, UserError)):
    _check(line)


def _lines(block: Block) -> list[str]:
  return [] if block.kind == 'python' or block.left_out else commands(block.code)


def _check(line: str) -> None:
  """Fails where a shell that is given this line could not begin to do what it says."""
  words = shlex.split(line, comments=True)
  while words and re.fullmatch(r'\w+=.*', words[0]):
    words.pop(0)
  first, *rest = words
  if 'install' in rest and ('pip' in words[:3] or 'uv' in words[:3]):
    _check_installation(rest)
  elif first == 'make':
    _check_target(rest)
  elif first == 'sh':
    assert (ROOT / rest[0]).is_file(), line
  elif first == 'tfds':
    assert rest[:2] == ['build', 'tfds_mese'] and DATA.default is not None, line
    DATA.default.read('tfds build', rest[2:])
  elif first not in _OTHERS and not (first == 'python' and rest[0] == '-m' and rest[1] in _MODULES):
    program, command, arguments = _ours(words)
    _check_config(command, command.read(program, arguments))


def _ours(words: list[str]) -> tuple[str, Command, list[str]]:
  """The program that a line calls, what reads its arguments, and these."""
  assert words[0] in ('gmn', 'python'), f'{words[0]} is no program of ours'
  if words[0] == 'gmn':
    command, length = GMN, 1
  elif words[1] == '-m':
    command, length = _declared(ROOT / words[2].replace('.', '/')), 3
  else:
    command, length = _declared(ROOT / words[1].removesuffix('.py')), 2
  program, arguments = words[:length], words[length:]
  while isinstance(command, Group):
    if arguments and arguments[0] in command.commands:
      command = command.commands[arguments[0]]
      program.append(arguments.pop(0))
    else:
      assert command.default is not None, f'{program} has no command {arguments[:1]}'
      command = command.default
  return ' '.join(program), command, arguments


def _declared(path: pathlib.Path) -> Command | Group:
  """The command that a script or a package runs where it is run."""
  file = path / '__main__.py' if path.is_dir() else path.with_suffix('.py')
  assert file.is_file(), f'there is no {file}'
  name = re.search(r'^\s+([A-Z]+)\.run\(', file.read_text(), re.MULTILINE)
  assert name is not None, f'{file} runs no command'
  source = re.search(rf'^ *from (\S+) import .*\b{name[1]}\b', file.read_text(), re.MULTILINE)
  module = source[1] if source else '.'.join(file.relative_to(ROOT).with_suffix('').parts)
  return getattr(importlib.import_module(module), name[1])


def _check_config(command: Command, options) -> None:
  """Refuses what a line sets of a config and that no config may be."""
  if command.target == MAIN.target and options.config != '...':
    file = config_file.read(options.config or config_file.EXAMPLE)
    file.checked(config_file.changed(file, options.passed)[0])


def _check_installation(words: list[str]) -> None:
  project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
  for extras in re.findall(r'\.\[([\w,]+)\]', ' '.join(words)):
    assert set(extras.split(',')) <= set(project['optional-dependencies']), extras


def _check_target(words: list[str]) -> None:
  targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
  assert next(word for word in words if '=' not in word) in targets, words
