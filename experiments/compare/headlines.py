"""The few numbers of each evaluation by which runs are compared."""

import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments import modes
from experiments.evaluation import results
from experiments.evaluation.learning_curves import read_curves


def comparable() -> list[str]:
  """The evaluations by which runs can be compared."""
  return sorted(name for name in modes.EVALUATIONS if modes.load(name).headlines)


def of_run(workdir: pathlib.Path, evaluations: Sequence[str]) -> dict[str, float]:
  """Of a run's training and evaluations, by a name that says the unit.

  Args:
    workdir: of the run.
    evaluations: that were made of it, among those `comparable`.

  Raises:
    UserError: it was not trained there.
  """
  numbers = {}
  for split, curve in read_curves(workdir).items():
    numbers[f'{split} bound (nats per episode)'] = curve['elbo'][-1]
    if 'scenes_per_second' in curve:
      numbers['training (scenes per second)'] = statistics.median(curve['scenes_per_second'])
    if split != 'train':
      best = max(curve['elbo'])
      numbers[f'{split} bound, fallen since its best (nats per episode)'] = best - curve['elbo'][-1]
      numbers[f'{split} bound, where it was best (step)'] = curve['step'][curve['elbo'].index(best)]
  for name in evaluations:
    of_mode = modes.load(name).headlines(read_results(workdir, name))
    numbers |= {f'{name}: {what}': value for what, value in of_mode.items()}
  return numbers


def by_scene(workdir: pathlib.Path, evaluations: Sequence[str]) -> dict[str, list[float]]:
  """Of headlines that are means over scenes what they were of each, where that was kept.

  Raises:
    UserError: an evaluation is not there, or damaged.
  """
  numbers = {}
  for name in evaluations:
    if (read := modes.load(name).by_scene) is not None:
      of_mode = read(read_results(workdir, name))
      numbers |= {f'{name}: {what}': list(values) for what, values in of_mode.items()}
  return numbers


def read_results(workdir: pathlib.Path, mode: str) -> Mapping[str, Any]:
  """What an evaluation wrote under 'results'.

  Raises:
    UserError: the file is not there, or damaged.
  """
  return results.read_record(workdir, mode)['results']
