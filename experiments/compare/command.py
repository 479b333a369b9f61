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
behind them, what each config differs by from the first one. compare.png shows the same.
"""

import os
import pathlib
import re
from collections.abc import Sequence

from absl import flags

from experiments import main as training_command
from experiments.compare import headlines
from experiments.compare.runs import MAIN, Comparison, Run, carry_out_all
from experiments.compare.table import compare
from mese_env.errors import UserError, nearest

_CONFIGS = MAIN.parent / 'configs'


def parse(argv: Sequence[str]) -> Comparison:
  """Reads the command line, and every command line that follows from it.

  Raises:
    UserError: any of them is wrong; nothing has been started.
  """
  of_config, of_mode, own = [], {}, [argv[0]]
  for argument in argv[1:]:
    if re.match(r'--?(no)?config\.', argument):
      of_config.append(argument)
    elif match := re.match(r'--?(\w+)\.(.+)', argument):
      of_mode.setdefault(match[1], []).append(f'--{match[2]}')
    else:
      own.append(argument)
  values = flags.FlagValues()
  configs = flags.DEFINE_list('configs', ['apoe', 'poe', 'baseline'], '', flag_values=values)
  seeds = flags.DEFINE_integer('seeds', 3, '', flag_values=values)
  preset = flags.DEFINE_string('preset', 'small', '', flag_values=values)
  steps = flags.DEFINE_integer('steps', None, '', flag_values=values)
  modalities = flags.DEFINE_string('modalities', None, '', flag_values=values)
  modes = flags.DEFINE_list('modes', ['density', 'generate'], '', flag_values=values)
  workdir = flags.DEFINE_string('workdir', None, '', flag_values=values)
  at_once = flags.DEFINE_integer('at_once', 1, '', lower_bound=1, flag_values=values)
  build = flags.DEFINE_bool('build', False, '', flag_values=values)
  try:
    rest = values(own)[1:]
  except flags.Error as error:
    raise UserError(f'{str(error).splitlines()[0].rstrip(".")}; see --help.') from error
  if rest:
    raise UserError(f"'{rest[0]}' is not understood; options begin with --, as in --seeds=3.")
  for argument in of_config:
    if re.match(r'--?config\.(seed|steps|modalities)\b', argument):
      raise UserError(f"'{argument}' is set for every run by --seeds, --steps or --modalities.")
  if seeds.value < 1:
    raise UserError(f'--seeds is {seeds.value}; it must be at least 1.')
  known = sorted(path.stem for path in _CONFIGS.glob('*.py') if path.stem != '__init__')
  for name in configs.value:
    _check('config', name, known)
  comparable = headlines.comparable()
  for mode in [*modes.value, *of_mode]:
    _check('mode to compare by', mode, comparable)
  for mode in of_mode:
    if mode not in modes.value:
      raise UserError(f'--{mode}. options are given, but {mode} is not among --modes.')
  folder = pathlib.Path(workdir.value or f'runs/compare-{preset.value}')
  shared = ['--build'] * build.value
  for field, value in (('steps', steps.value), ('modalities', modalities.value)):
    if value is not None:
      of_config.append(f'--config.{field}={value}')
  runs = []
  # Seed by seed: what is stopped early has compared all configs, and the first runs leave behind
  # what they compiled for the others.
  for seed in range(seeds.value):
    for config in configs.value:
      place = folder / f'{config}-{seed}'
      # Not absolute: what another checkout has done is done.
      file = f'--config={os.path.relpath(_CONFIGS / config)}.py:{preset.value}'
      train = (file, f'--workdir={place}', f'--config.seed={seed}', *of_config, *shared)
      jobs = {'train': train}
      for mode in modes.value:
        jobs[mode] = (f'--workdir={place}', f'--mode={mode}', *of_mode.get(mode, []), *shared)
      read = {mode: training_command.parse([str(MAIN), *given]) for mode, given in jobs.items()}
      runs.append(Run(config, seed, place, jobs, read['train'].config.to_json()))
  return Comparison(folder, tuple(runs), at_once.value)


def _check(what: str, given: str, known: Sequence[str]) -> None:
  if given not in known:
    near = nearest(given, known)
    raise UserError(f"there is no {what} '{given}'; did you mean '{near}'?")


def main(argv: list[str]) -> int:
  """Compares as the command line `argv[1:]` says; returns the exit code."""
  if '--help' in argv:
    print(__doc__)
    return 0
  comparison = parse(argv)
  if code := carry_out_all(comparison):
    return code
  print(f'\n{compare(comparison)}\n\n{comparison.workdir / "compare"}.json, .txt, .png')
  return 0
