"""The few numbers of each evaluation by which runs are compared."""

import json
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments.evaluation.learning_curves import read_curves
from experiments.evaluation.results import counted

Numbers = dict[str, float]


def of_run(workdir: pathlib.Path, modes: Sequence[str]) -> Numbers:
  """Of a run's training and evaluations, by a name that says the unit.

  Args:
    workdir: of the run.
    modes: evaluations that were made of it, among `OF_MODE`.

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
  for mode in modes:
    of_mode = OF_MODE[mode](read_results(workdir, mode))
    numbers |= {f'{mode}: {name}': value for name, value in of_mode.items()}
  return numbers


def read_results(workdir: pathlib.Path, mode: str) -> Mapping[str, Any]:
  """What an evaluation wrote under 'results'."""
  return json.loads((workdir / f'{mode}.json').read_text())['results']


def bound_by_size(found: Mapping[str, Any]) -> dict[int, float]:
  """By how many modalities give context, nats per number; `found` is `missing`'s results."""
  # The run itself comes before those that it is overlaid with.
  of_run = next(iter(found.values()))
  return {int(size): mean for size, (mean, _) in of_run['by_size'].items()}


def _density(found: Mapping[str, Any]) -> Numbers:
  """Given views of one sense alone, and all that was given of both; what grasps alone add."""
  most = {
    field: max(record[field] for record in found['density']) for field in ('images', 'grasps')
  }
  numbers, gains = {}, {}
  for r in found['density']:
    if 0 in (r['images'], r['grasps']) or all(r[field] == most[field] for field in most):
      given = ', '.join(counted(r[field], field) for field in most)
      numbers[f'{r["target"]} given {given} (nats per dimension)'] = r['log_likelihood']
    if r['images'] == 0 and 'gain' in r:
      gains[r['target'], r['grasps']] = r['gain']
  for (target, grasps), gain in gains.items():
    if target == 'gray' and grasps and ('rgb', grasps) in gains:
      of_rgb = gains['rgb', grasps]
      by_what = {'gray': gain, 'rgb': of_rgb, 'gray less that of rgb': gain - of_rgb}
      for what, value in by_what.items():
        given = counted(grasps, 'grasps')
        numbers[f'gain of {what} from {given} (nats per dimension)'] = value
  return numbers


def _classify(found: Mapping[str, Any]) -> Numbers:
  return {
    f'{r["context"]} of {r["views"]}, argmax {r["argmax"]} (top-1 accuracy)': r['top1']
    for r in found['accuracy']
  }


def _generate(found: Mapping[str, Any]) -> Numbers:
  return {
    f'{kind} from {name} (squared error)': mean
    for name, by_kind in found['squared_error'].items()
    for kind, (mean, _) in by_kind.items()
  }


def _missing(found: Mapping[str, Any]) -> Numbers:
  of_size = bound_by_size(found)
  numbers = {
    f'context of {size} {"modality" if size == 1 else "modalities"} (nats per number)': mean
    for size, mean in of_size.items()
  }
  more = of_size[max(of_size)] - of_size[1]
  return numbers | {'all modalities above one (nats per number)': more}


def _represent(found: Mapping[str, Any]) -> Numbers:
  return {
    f'{truth} from {name}': score['mean']
    for truth, of in found.items()
    for name, score in of.items()
    if name.startswith('z, ')
  }


# By mode; what it reads is that mode's `results`.
OF_MODE: dict[str, Callable[[Mapping[str, Any]], Numbers]] = {
  'density': _density,
  'classify': _classify,
  'generate': _generate,
  'missing': _missing,
  'represent': _represent,
}
