"""Trains several configs with several seeds, evaluates each run, and puts them in one table.

python experiments/compare.py --configs=apoe,poe,baseline --seeds=3 --preset=small --steps=1250

--configs=NAMES       files of experiments/configs
--seeds=N             runs per config, of the seeds 0 to N - 1
--preset=PRESET       small, medium or full
--steps=N             of each training; the preset's if not given
--modalities=SET      m2, m5, m8 or m14; the preset's if not given
--modes=NAMES         evaluations of main.py; density,generate if not given
--workdir=DIR         holds a folder per run; runs/compare-<preset> if not given
--at_once=N           how many runs go side by side; 1 if not given. Small models leave most of a
                      GPU idle; a CPU is busy with one or two
--build               builds datasets first if they are missing
--config.FIELD=VALUE  for every training, as for main.py
--MODE.OPTION=VALUE   for every evaluation of a mode, as in --density.samples=5

Every training and evaluation is a process of `main.py`. What has been done is not done again: the
same command continues where it was stopped. The table's means and standard errors are over seeds;
behind them, what each config differs by from the first one. A second table has these differences
paired by seed and, where an evaluation keeps the numbers of its scenes, by scene, with Student's
intervals and p-values that are corrected for all its rows. compare.png shows the first table.
"""

import os
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from absl import flags

from experiments import main as training_command
from experiments import modes
from experiments.compare import headlines
from experiments.compare.runs import MAIN, Comparison, Run, carry_out_all
from experiments.compare.table import compare
from mese_env import folders
from mese_env.errors import UserError, did_you_mean

_CONFIGS = MAIN.parent / 'configs'


class _Asked(NamedTuple):
  """A command line, read.

  Attributes:
    own: the options of this command, as parsed.
    of_config: arguments for every training.
    of_mode: by mode, arguments for its evaluations.
  """

  own: flags.FlagValues
  of_config: list[str]
  of_mode: dict[str, list[str]]


def parse(argv: Sequence[str]) -> Comparison:
  """Reads the command line, and every command line that follows from it.

  Raises:
    UserError: any of them is wrong; nothing has been started.
  """
  asked = _read(argv)
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


def _read(argv: Sequence[str]) -> _Asked:
  of_config, of_mode, own = [], {}, [argv[0]]
  for argument in argv[1:]:
    if re.match(r'--?(no)?config\.', argument):
      of_config.append(argument)
    elif match := re.match(r'--?(\w+)\.(.+)', argument):
      of_mode.setdefault(match[1], []).append(f'--{match[2]}')
    else:
      own.append(argument)
  values = flags.FlagValues()
  flags.DEFINE_list('configs', ['apoe', 'poe', 'baseline'], '', flag_values=values)
  flags.DEFINE_integer('seeds', 3, '', flag_values=values)
  flags.DEFINE_string('preset', 'small', '', flag_values=values)
  flags.DEFINE_integer('steps', None, '', flag_values=values)
  flags.DEFINE_string('modalities', None, '', flag_values=values)
  flags.DEFINE_list('modes', list(modes.COMPARED), '', flag_values=values)
  flags.DEFINE_string('workdir', None, '', flag_values=values)
  flags.DEFINE_integer('at_once', 1, '', lower_bound=1, flag_values=values)
  flags.DEFINE_bool('build', False, '', flag_values=values)
  try:
    rest = values(own)[1:]
  except flags.Error as error:
    raise UserError(f'{str(error).splitlines()[0].rstrip(".")}; see --help.') from error
  if rest:
    raise UserError(f"'{rest[0]}' is not understood; options begin with --, as in --seeds=3.")
  return _Asked(values, of_config, of_mode)


def _refuse(asked: _Asked) -> None:
  """Refuses what no comparison can be made of."""
  own = asked.own
  for argument in asked.of_config:
    if re.match(r'--?config\.(seed|steps|modalities)\b', argument):
      raise UserError(f"'{argument}' is set for every run by --seeds, --steps or --modalities.")
  if own.seeds < 1:
    raise UserError(f'--seeds is {own.seeds}; it must be at least 1.')
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
  if '--help' in argv:
    print(__doc__)
    return 0
  comparison = parse(argv)
  folders.require_writable(comparison.workdir, 'give another --workdir.')
  if code := carry_out_all(comparison):
    return code
  print('', *compare(comparison), f'{comparison.workdir / "compare"}.json, .txt, .png', sep='\n\n')
  return 0
