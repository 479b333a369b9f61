"""The densities by which runs are compared, from what `density.json` holds under 'results'.

They are those given views of one sense alone, and all that was given of each; and what grasps alone
add.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.evaluation import results
from gmn_jax.senses import HAPTIC, IMAGE

_Record = Mapping[str, Any]


def headlines(written: Mapping[str, Any]) -> dict[str, float]:
  """Means over scenes."""
  return _named(written, lambda r: r['log_likelihood'], lambda r: r['gain'])


def by_scene(written: Mapping[str, Any]) -> dict[str, list[float]]:
  """The same of every scene; nothing where earlier versions did not keep them."""
  records = written['density']
  if not all('by_scene' in record for record in records):
    return {}
  senses = _senses(records)
  nothing = {r['target']: _of_scenes(r) for r in records if not any(r[views] for views in senses)}
  found = _named(written, _of_scenes, lambda r: _of_scenes(r) - nothing[r['target']])
  return {name: values.tolist() for name, values in found.items()}


def from_one_sense(
  target: str, along: str, other: str, written: Mapping[str, Any]
) -> dict[float, float]:
  """Means over scenes of a target, by how many views of one sense are given and none of another."""
  return {
    record[along]: record['log_likelihood']
    for record in written['density']
    if record['target'] == target and along in record and record.get(other, 0) == 0
  }


def _named(
  written: Mapping[str, Any],
  density_of: Callable[[_Record], Any],
  gain_of: Callable[[_Record], Any],
) -> dict[str, Any]:
  records = written['density']
  senses = _senses(records)
  most = {views: max(record[views] for record in records) for views in senses}
  numbers, gains = {}, {}
  for r in records:
    given = {views: r[views] for views in senses}
    if 0 in given.values() or given == most:
      words = ', '.join(results.counted(count, views) for views, count in given.items())
      numbers[f'{r["target"]} given {words} (nats per dimension)'] = density_of(r)
    if given.get(IMAGE.views) == 0 and HAPTIC.views in given and 'gain' in r:
      gains[r['target'], given[HAPTIC.views]] = gain_of(r)
  for (target, count), gain in gains.items():
    if target == 'gray' and count and ('rgb', count) in gains:
      of_rgb = gains['rgb', count]
      by_what = {'gray': gain, 'rgb': of_rgb, 'gray less that of rgb': gain - of_rgb}
      for what, value in by_what.items():
        words = results.counted(count, HAPTIC.views)
        numbers[f'gain of {what} from {words} (nats per dimension)'] = value
  return numbers


def _senses(records: list[_Record]) -> list[str]:
  return [views for views in (IMAGE.views, HAPTIC.views) if views in records[0]]


def _of_scenes(record: _Record) -> np.ndarray:
  return np.array(record['by_scene'])
