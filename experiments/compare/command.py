"""Trains several configs with several seeds, evaluates each run, and puts them in one table."""

import argparse
import os
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from experiments import main as training_command
from experiments.commands import COMPARE
from experiments.compare import headlines
from experiments.compare.runs import MAIN, Comparison, Run, carry_out_all
from experiments.compare.table import compare
from mese_env import folders
from mese_env.command_line import require_at_least
from mese_env.errors import UserError, did_you_mean

_CONFIGS = MAIN.parent / 'configs'


class _Asked(NamedTuple):
  """A command line, read.

  Attributes:
    own: the options of this command, as parsed.
    of_config: arguments for every training.
    of_mode: by mode, arguments for its evaluations.
  """

  own: argparse.Namespace
  of_config: list[str]
  of_mode: dict[str, list[str]]


def parse(argv: Sequence[str]) -> Comparison:
  """Reads the command line, and every command line that follows from it.

  Raises:
    UserError: any of them is wrong; nothing has been started.
  """
  return understood(COMPARE.read(argv[0], argv[1:]))


def understood(options: argparse.Namespace) -> Comparison:
  """What the options ask for; raises as `parse`."""
  asked = _read(options)
  _refuse(asked)
  own = asked.own
  default = f'runs/compare-{own.preset}'
  folder = folders.read_folder(default if own.workdir is None else own.workdir, '--workdir')
  folders.refuse_inside_run(folder, '--workdir')
  # Seed by seed: what is stopped early has compared all configs, and the first runs leave behind
  # what they compiled for the others.
  runs = [
    _run(asked, config, seed, folder / f'{config}-{seed}')
    for seed in range(own.seeds)
    for config in own.configs
  ]
  return Comparison(folder, tuple(runs), own.at_once)


def _read(options: argparse.Namespace) -> _Asked:
  of_config, of_mode = [], {}
  for argument in options.passed:
    if re.match(r'--(no)?config\.', argument):
      of_config.append(argument)
    else:
      mode, _, option = argument.removeprefix('--').partition('.')
      of_mode.setdefault(mode, []).append(f'--{option}')
  return _Asked(options, of_config, of_mode)


def _refuse(asked: _Asked) -> None:
  """Refuses what no comparison can be made of."""
  own = asked.own
  for argument in asked.of_config:
    if re.match(r'--?config\.(seed|steps|modalities)\b', argument):
      raise UserError(f"'{argument}' is set for every run by --seeds, --steps or --modalities.")
  require_at_least(own, seeds=1, at_once=1)
  known = sorted(path.stem for path in _CONFIGS.glob('*.py') if path.stem != '__init__')
  for name in own.configs:
    _check('config', name, known)
  for mode in [*own.modes, *asked.of_mode]:
    _check('mode to compare by', mode, headlines.comparable())
  for mode in asked.of_mode:
    if mode not in own.modes:
      raise UserError(f'--{mode}. options are given, but {mode} is not among --modes.')


def _run(asked: _Asked, config: str, seed: int, place: pathlib.Path) -> Run:
  own, shared = asked.own, ['--build'] * asked.own.build
  fields = [f'--config.seed={seed}', *asked.of_config]
  for field, value in (('steps', own.steps), ('modalities', own.modalities)):
    if value is not None:
      fields.append(f'--config.{field}={value}')
  # Not absolute: what another checkout has done is done.
  file = f'--config={os.path.relpath(_CONFIGS / config)}.py:{own.preset}'
  jobs = {'train': (file, f'--workdir={place}', *fields, *shared)}
  for mode in own.modes:
    jobs[mode] = (f'--workdir={place}', f'--mode={mode}', *asked.of_mode.get(mode, []), *shared)
  read = {mode: training_command.parse([str(MAIN), *given]) for mode, given in jobs.items()}
  return Run(config, seed, place, jobs, read['train'].config.to_json())


def _check(what: str, given: str, known: Sequence[str]) -> None:
  if given not in known:
    raise UserError(f"there is no {what} '{given}'; {did_you_mean(given, known)}")


def main(argv: list[str]) -> int:
  """Compares as the command line `argv[1:]` says; returns the exit code."""
  return carry_out(COMPARE.read(argv[0], argv[1:]))


def carry_out(options: argparse.Namespace) -> int:
  """Compares as the options say; returns the exit code.

  Raises:
    UserError: they are wrong, or the folder cannot be written.
  """
  comparison = understood(options)
  folders.require_writable(comparison.workdir, 'give another --workdir.')
  if code := carry_out_all(comparison):
    return code
  print('', *compare(comparison), f'{comparison.workdir / "compare"}.json, .txt, .png', sep='\n\n')
  return 0
