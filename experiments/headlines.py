"""The few numbers of each evaluation by which runs are compared."""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments.modes.learning_curves import read_curves

Numbers = dict[str, float]


def of_run(workdir: pathlib.Path, modes: Sequence[str]) -> Numbers:
  """Of a run's training and evaluations, by a name that says the unit.

  Args:
    workdir: of the run.
    modes: evaluations that were made of it, among `OF_MODE`.

  Raises:
    UserError: it was not trained there.
  """
  numbers = {
    f'{split} bound (nats per episode)': curve['elbo'][-1]
    for split, curve in read_curves(workdir).items()
  }
  for mode in modes:
    found = json.loads((workdir / f'{mode}.json').read_text())['results']
    numbers |= {f'{mode}: {name}': value for name, value in OF_MODE[mode](found).items()}
  return numbers


def _density(found: Mapping[str, Any]) -> Numbers:
  """Given nothing, and all that was given of images, of grasps, and of both."""
  most = {
    field: max(record[field] for record in found['density']) for field in ('images', 'grasps')
  }
  return {
    f'{r["target"]} given {r["images"]} images, {r["grasps"]} grasps (nats per dimension)': r[
      'log_likelihood'
    ]
    for r in found['density']
    if all(r[field] in (0, most[field]) for field in most)
  }


def _classify(found: Mapping[str, Any]) -> Numbers:
  """Of the most views."""
  most = max(record['views'] for record in found['accuracy'])
  return {
    f'{r["context"]} of {most}, argmax {r["argmax"]} (top-1 accuracy)': r['top1']
    for r in found['accuracy']
    if r['views'] == most
  }


def _generate(found: Mapping[str, Any]) -> Numbers:
  return {
    f'{kind} from {name} (squared error)': mean
    for name, by_kind in found['squared_error'].items()
    for kind, (mean, _) in by_kind.items()
  }


def _missing(found: Mapping[str, Any]) -> Numbers:
  # The run itself comes before those that it is overlaid with.
  of_run = next(iter(found.values()))
  return {
    f'context of {size} modalities (nats per number)': mean
    for size, (mean, _) in of_run['by_size'].items()
  }


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
