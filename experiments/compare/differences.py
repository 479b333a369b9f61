"""What configs differ by from the first one: over seeds, and over scenes where these were kept.

Over seeds: would the difference be there had the runs been trained anew? Over scenes: would these
very runs differ on other scenes? Both are paired, and each has p-values by Holm over all rows.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.compare import headlines
from experiments.evaluation import results
from experiments.evaluation.statistics import LEVEL, MeanInterval, holm, mean_interval

_Folders = Mapping[str, Sequence[pathlib.Path]]


@dataclasses.dataclass(frozen=True)
class Difference:
  """Of one headline, what a config is above the first one.

  Attributes:
    headline: its name.
    config: the other one.
    mean: of the seeds' differences.
    over_seeds: of differences of runs of the same seed; None of a single seed.
    over_scenes: of differences of the seeds' means on the same scene; None where scenes were not
      kept, or are not the same.
    p_over_seeds: Holm's, over all that are there.
    p_over_scenes: likewise.
  """

  headline: str
  config: str
  mean: float
  over_seeds: MeanInterval | None
  over_scenes: MeanInterval | None
  p_over_seeds: float | None = None
  p_over_scenes: float | None = None

  def as_written(self) -> dict[str, Any]:
    """For JSON, without what there is not."""
    written = {
      field.name: value
      for field in dataclasses.fields(self)
      if (value := getattr(self, field.name)) is not None
    }
    intervals = {name for name, value in written.items() if isinstance(value, MeanInterval)}
    # The correction takes the place of each row's own p-value.
    return {
      name: {k: v for k, v in value._asdict().items() if k != 'p'} if name in intervals else value
      for name, value in written.items()
    }


def differences(
  summary: Mapping[str, Mapping[str, Any]], folders: _Folders, evaluations: Sequence[str]
) -> list[Difference]:
  """Of every headline and config but the first.

  Args:
    summary: by headline and config, numbers of which 'seeds' are the seeds' own.
    folders: of the runs of each config, one per seed.
    evaluations: that were made of every run.
  """
  first, *others = folders
  by_scene = _by_scene(folders, evaluations)
  found = []
  for name, of in summary.items():
    for config in others:
      above = np.subtract(of[config]['seeds'], of[first]['seeds'])
      scenes = [by_scene[c].get(name) for c in (config, first)]
      paired = None if None in scenes else mean_interval(np.subtract(*scenes))
      found.append(
        Difference(name, config, float(above.mean()), mean_interval(above.tolist()), paired)
      )
  return _corrected(found)


def difference_table(found: Sequence[Difference], first: str, seeds: int) -> results.Table:
  """A row per difference."""
  degrees = f', {seeds - 1} degrees of freedom' if seeds > 1 else ''
  level = f'{LEVEL:.0%}'
  return results.Table(
    f'Above {first}, paired by seed{degrees}, and by scene; p-values are corrected for all rows '
    '(Holm)',
    ['', 'config', 'above', f'{level} over seeds', 'p', f'{level} over scenes', 'p'],
    [
      [
        difference.headline,
        difference.config,
        f'{difference.mean:.4g}',
        _interval(difference.over_seeds),
        _p(difference.p_over_seeds),
        _interval(difference.over_scenes),
        _p(difference.p_over_scenes),
      ]
      for difference in found
    ],
  )


def _corrected(found: Sequence[Difference]) -> list[Difference]:
  corrected = list(found)
  for what in ('over_seeds', 'over_scenes'):
    there = [i for i, difference in enumerate(found) if getattr(difference, what)]
    p_values = holm([getattr(found[i], what).p for i in there])
    for i, p in zip(there, p_values, strict=True):
      corrected[i] = dataclasses.replace(corrected[i], **{f'p_{what}': p})
  return corrected


def _by_scene(folders: _Folders, evaluations: Sequence[str]) -> dict[str, dict[str, list[float]]]:
  """By config and headline the scenes' values, means over seeds; of evaluations of all runs on the
  same scenes alone.
  """
  everywhere = [folder for of_config in folders.values() for folder in of_config]
  alike = [mode for mode in evaluations if len({_scenes(f, mode) for f in everywhere}) == 1]
  found = {}
  for config, of_config in folders.items():
    of_seeds = [headlines.by_scene(folder, alike) for folder in of_config]
    common = set.intersection(*map(set, of_seeds))
    found[config] = {
      name: np.mean([of_seed[name] for of_seed in of_seeds], axis=0).tolist() for name in common
    }
  return found


def _scenes(folder: pathlib.Path, mode: str) -> str:
  """What decides on which scenes, and of what of them, an evaluation's numbers are."""
  record = results.read_record(folder, mode)
  return json.dumps([record.get(key) for key in ('dataset', 'data', 'options')], sort_keys=True)


def _interval(interval: MeanInterval | None) -> str:
  if interval is None:
    return ''
  digits = max(0, 1 - math.floor(math.log10(interval.error))) if interval.error else 4
  return f'{interval.low:.{digits}f} to {interval.high:.{digits}f}'


def _p(p: float | None) -> str:
  if p is None:
    return ''
  return '< 0.001' if p < 0.001 else f'{p:.3f}'
