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

import json
import math
import os
import pathlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from absl import flags

from experiments import main as training_command
from experiments import processes
from experiments.compare import figure as compare_figure
from experiments.compare import headlines
from experiments.evaluation import results
from gmn_jax.config import differences
from mese_env.errors import UserError, nearest

_EXPERIMENTS = pathlib.Path(__file__).resolve().parents[1]
_CONFIGS = _EXPERIMENTS / 'configs'
_MAIN = _EXPERIMENTS / 'main.py'
_DONE = 'compare-done.json'  # in a run's folder: what has been done there


class Run(NamedTuple):
  """A training and its evaluations.

  Attributes:
    config: its name.
    seed: of the run.
    workdir: its folder.
    jobs: arguments of `main.py` by mode, in the order in which they are run, `train` first.
    fields: of the training's config, as JSON: a default that has changed makes another run.
  """

  config: str
  seed: int
  workdir: pathlib.Path
  jobs: Mapping[str, tuple[str, ...]]
  fields: str


class Comparison(NamedTuple):
  """What the command line asks for: the runs, where the table goes, and how many go at once."""

  workdir: pathlib.Path
  runs: tuple[Run, ...]
  at_once: int = 1


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
  comparable = sorted(headlines.OF_MODE)
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
      read = {mode: training_command.parse([str(_MAIN), *given]) for mode, given in jobs.items()}
      runs.append(Run(config, seed, place, jobs, read['train'].config.to_json()))
  return Comparison(folder, tuple(runs), at_once.value)


def carry_out_all(comparison: Comparison) -> int:
  """Does what has not been done of any run; returns the exit code of what failed, or 0.

  After a failure no further run is begun; those that are under way go on.
  """
  at_once = comparison.at_once
  with processes.Processes(share_gpu=at_once > 1) as running, ThreadPoolExecutor(at_once) as pool:
    failed = 0

    def unless_failed(run: Run) -> None:
      nonlocal failed
      if not failed and (code := carry_out(run, running.run)):
        print(
          f'{run.workdir} was not finished; the same command goes on from there.', file=sys.stderr
        )
        failed = code

    for done in [pool.submit(unless_failed, run) for run in comparison.runs]:
      done.result()
    return failed


def carry_out(run: Run, start: Callable[[Sequence[str]], int]) -> int:
  """Does what has not been done of a run; returns the exit code of what failed, or 0.

  Args:
    run: what is to be done.
    start: runs a command line, waits, and returns its exit code.
  """
  path = run.workdir / _DONE
  done = json.loads(path.read_text()) if path.exists() else {}
  for mode, arguments in run.jobs.items():
    asked = [*arguments, run.fields] if mode == 'train' else list(arguments)
    if mode in done and _same(mode, done[mode], asked):
      continue
    print(f'{run.config}, seed {run.seed}: {mode}', flush=True)
    # `main.py` alone is stopped by a signal: it saves, and its exit code says so.
    if code := start([sys.executable, str(_MAIN), *arguments]):
      return code
    # What was measured of a shorter training is out of date.
    done = {mode: asked} if mode == 'train' else {**done, mode: asked}
    with results.replacing(path) as unfinished:
      unfinished.write_text(json.dumps(done, indent=2))
  return 0


def _same(mode: str, done: Sequence[str], asked: Sequence[str]) -> bool:
  """Whether what was done is what is asked for, however the command line puts it."""
  if mode != 'train':
    return sorted(done) == sorted(asked)
  stored, given = (json.loads(arguments[-1]) for arguments in (done, asked))
  return stored['steps'] == given['steps'] and not differences(stored, given)


def _carried_out(run: Run) -> dict[str, list[str]]:
  """The arguments with which a run's jobs were done; those asked for may be put otherwise."""
  done = json.loads((run.workdir / _DONE).read_text())
  return {mode: done[mode][:-1] if mode == 'train' else done[mode] for mode in run.jobs}


def compare(comparison: Comparison) -> results.Table:
  """Reads what the runs found, and writes `compare.json`, `compare.txt` and `compare.png`.

  Returns:
    A row per headline, a column per config: mean ± standard error over the seeds; and a column per
    config but the first: what its mean is above that one's, ± the error of the difference.
  """
  found: dict[str, list[dict[str, float]]] = {}
  for run in comparison.runs:
    found.setdefault(run.config, []).append(headlines.of_run(run.workdir, [*run.jobs][1:]))
  summary: dict[str, dict[str, Any]] = {}
  for config, of_seeds in found.items():
    for name in of_seeds[0]:
      values = np.array([numbers[name] for numbers in of_seeds])
      mean, error = results.mean_and_error(values)
      summary.setdefault(name, {})[config] = {
        'mean': float(mean), 'error': float(error), 'seeds': values.tolist()
      }  # fmt: skip
  seeds = len(next(iter(found.values())))
  first, *others = found
  rows = []
  for name, of in summary.items():
    above = [
      {
        'mean': of[config]['mean'] - of[first]['mean'],
        'error': math.hypot(of[config]['error'], of[first]['error']),
      }
      for config in others
    ]
    rows.append([name, *(_shown(of_config, seeds) for of_config in [*of.values(), *above])])
  table = results.Table(
    f'Mean ± standard error over {seeds} seeds' if seeds > 1 else 'One seed',
    ['', *found, *(f'{config} - {first}' for config in others)],
    rows,
  )
  record = {
    'commands': {f'{run.config}-{run.seed}': _carried_out(run) for run in comparison.runs},
    'commit': results.commit(),
    'versions': results.versions(),
    'results': summary,
  }
  for suffix, text in (('json', json.dumps(record, indent=2) + '\n'), ('txt', f'{table}\n')):
    with results.replacing(comparison.workdir / f'compare.{suffix}') as path:
      path.write_text(text)
  folders = {
    config: [run.workdir for run in comparison.runs if run.config == config] for config in found
  }
  with results.replacing(comparison.workdir / 'compare.png') as path:
    figure = compare_figure.draw(folders, [*comparison.runs[0].jobs][1:])
    figure.savefig(path, dpi=150, format='png')
  return table


def _shown(of_seeds: Mapping[str, Any], seeds: int) -> str:
  """To two digits of the error, which one seed does not have."""
  mean, error = of_seeds['mean'], of_seeds['error']
  if seeds == 1:
    return f'{mean:.5g}'
  digits = 1 - math.floor(math.log10(error)) if error else 4
  return results.with_error(mean, error, max(0, digits))


def _check(what: str, given: str, known: Sequence[str]) -> None:
  if given not in known:
    near = nearest(given, known)
    raise UserError(f"there is no {what} '{given}'; did you mean '{near}'?")


def main(argv: list[str]) -> int:
  if '--help' in argv:
    print(__doc__)
    return 0
  comparison = parse(argv)
  if code := carry_out_all(comparison):
    return code
  print(f'\n{compare(comparison)}\n\n{comparison.workdir / "compare"}.json, .txt, .png')
  return 0

