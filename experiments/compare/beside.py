"""Runs of several comparisons in one table: what they are of may differ in any field of the config.

python -m experiments.compare.beside docs/results/forms-product docs/results/forms-anchored
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence

if __name__ == '__main__':
  from experiments.commands import BESIDE

  BESIDE.run('python -m experiments.compare.beside', sys.argv[1:])

from experiments.compare.runs import DONE, Comparison, Run
from experiments.compare.table import compare
from mese_env import folders
from mese_env.errors import UserError


def gather(comparisons: Sequence[pathlib.Path], to: pathlib.Path) -> Comparison:
  """One comparison of what is in several folders, by the seeds and evaluations that all have.

  Args:
    comparisons: folders of comparisons of one config each; the first is what others are held to.
    to: where the table goes.

  Raises:
    UserError: a folder has no finished run, or runs of several configs; or they share no seed.
  """
  found = {folder: _runs(folder) for folder in dict.fromkeys(comparisons)}
  seeds = set.intersection(*[{run.seed for run in runs} for runs in found.values()])
  if not seeds:
    raise UserError(
      f'no seed was trained in each of {", ".join(map(str, found))}; train one with --seeds=1.'
    )
  shared = [run for runs in found.values() for run in runs if run.seed in seeds]
  modes = set.intersection(*[set(run.jobs) for run in shared])
  return Comparison(
    to,
    tuple(
      run._replace(jobs={mode: job for mode, job in run.jobs.items() if mode in modes})
      for run in shared
    ),
  )


def _runs(folder: pathlib.Path) -> list[Run]:
  runs, configs = [], set[str]()
  for file in folder.glob(f'*/{DONE}'):
    config, _, seed = file.parent.name.rpartition('-')
    jobs = {mode: tuple(job) for mode, job in json.loads(file.read_text()).items()}
    configs.add(config)
    runs.append(Run(folder.name, int(seed), file.parent, jobs, jobs['train'][-1]))
  if len(configs) != 1:
    what = f'runs of {", ".join(sorted(configs))}' if configs else 'no finished run'
    raise UserError(f'{folder} has {what}; give folders of comparisons of one config each.')
  return sorted(runs, key=lambda run: run.seed)


def carry_out(options: argparse.Namespace) -> None:
  """Compares as the options say.

  Raises:
    UserError: they are wrong, or the folder cannot be written.
  """
  folders.require_writable(options.to, 'give another --to.')
  comparison = gather(options.comparisons, options.to)
  options.to.mkdir(parents=True, exist_ok=True)
  print(*compare(comparison), f'{options.to / "compare"}.json, .txt, .png', sep='\n\n')
