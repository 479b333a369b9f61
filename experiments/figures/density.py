"""The figures of densities (paper Figure 3) and of calibration."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from experiments.evaluation.density_records import Coverage, Densities, Density, Target
from experiments.evaluation.results import counted
from experiments.figures import style as figures

_BASELINE_STYLES = {'mean training view': '--', 'nearest training view': ':'}
_SHOWN_LEVELS = (0.5, 0.9)
_BESIDE = 0.012  # of an axis, between the bars of lines


def draw_density(found: Densities, targets: Sequence[Target], of_what: str) -> Figure:
  """A column per target and other sense, against the views of that, a line per count of its own:
  above the density, below, where it was measured, its gain over no context. Of one sense alone
  there is nothing to draw.

  Args:
    found: what was measured.
    targets: of what.
    of_what: names the run, the scenes and the samples.
  """
  # A sense is called by the last of its scales, images by their colours.
  called = {target.sense: target.name for target in targets}
  shown = [(target, other) for target in targets for other in called if other != target.sense]
  if not shown:
    return Figure()
  rows = 1 if found.density[0].gain is None else 2
  figure, axes = figures.panels(rows, len(shown), width=3.6, height=3.2)
  for column, (target, other) in zip(axes.T, shown, strict=True):
    along, own = other.views, target.sense.views
    records = _given_alone([r for r in found.density if r.target == target.name], along, own)
    lines = _lines(column[0], records, 'log_likelihood', along, own)
    levels = {'highest for this std': (found.highest, '-')} | {
      record.predictor: (record.log_likelihood, _BASELINE_STYLES[record.predictor])
      for record in found.without_model
      if record.target == target.name
    }
    lines += figures.levels(column[0], levels)
    figures.legend_below(column[-1], lines)
    unit = 'nats per dimension'
    title = f'{called[other]} → {target.name}'
    figures.describe(column[0], title, f'{along} given', f'{unit}, {target.sense.unit}')
    if target.sense.levels > 1:
      _on_levels(column[0], target.sense.levels)
    if rows == 2:
      _lines(column[1], records, 'gain', along, own)
      figures.bound(column[1], 0, 'nothing given')
      title = f'{title}, gain over nothing given'
      figures.describe(column[1], title, f'{along} given', unit)
  figure.suptitle(f'{of_what}; bars: standard errors over scenes', fontsize=8)
  return figure


def draw_coverage(found: Densities, of_what: str) -> Figure:
  """Per sense, above the coverage of every level by context size, below that of two levels against
  the context size; `found` and `of_what` as of
  `draw_density`.
  """
  kinds = list(dict.fromkeys(record.kind for record in found.coverage))
  figure, axes = figures.panels(2, len(kinds), width=3.4, height=3.3)
  for column, kind in enumerate(kinds):
    records = [record for record in found.coverage if record.kind == kind]
    curves, against_size = axes[:, column]
    for i, size in enumerate(sorted({record.views_of_each for record in records})):
      _draw(
        curves,
        [r for r in records if r.views_of_each == size],
        'level',
        i,
        counted(size, 'views'),
      )
    curves.plot([0, 1], [0, 1], color='0.4', linestyle='--', linewidth=1, label='calibrated')
    curves.set(xlim=(0, 1), ylim=(0, 1.02))
    figures.describe(
      curves, f'{kind}, by views given of each modality', 'level of the interval', 'share inside'
    )
    for i, level in enumerate(_SHOWN_LEVELS):
      of_level = [record for record in records if record.level == level]
      _draw(against_size, of_level, 'views_of_each', i, f'{level:.0%} interval')
      figures.bound(against_size, level, f'calibrated, {level:.0%}', ('--', ':')[i])
    against_size.set_xticks(sorted({record.views_of_each for record in records}))
    against_size.set_ylim(0, 1.02)
    figures.describe(against_size, kind, 'views given of each modality', 'share inside')
    for axis in axes[:, column]:
      figures.legend_below(axis)
  figure.suptitle(f'{of_what}; bars: standard errors over scenes', fontsize=8)
  return figure


def _given_alone(records: Sequence[Density], *senses: str) -> list[Density]:
  """Those in which as little as there is was given of all other senses."""
  others = [views for views in records[0].given if views not in senses]
  least = {views: min(record.given[views] for record in records) for views in others}
  return [r for r in records if all(r.given[views] == least[views] for views in others)]


def _lines(
  axis: Axes, records: Sequence[Density], field: str, along: str, own: str
) -> list[ErrorbarContainer]:
  lines = []
  counts = sorted({record.given[along] for record in records})
  of_own = sorted({record.given[own] for record in records})
  for i, count in enumerate(of_own):
    of_line = {r.given[along]: r for r in records if r.given[own] == count}
    mean, error = (
      np.array([getattr(of_line[n], name) for n in counts]) for name in (field, f'{field}_error')
    )
    # Side by side, so that no bar covers another.
    beside = _BESIDE * max(counts) * (i - (len(of_own) - 1) / 2)
    x = [n + beside for n in counts]
    lines.append(figures.line(axis, x, mean, error, i, counted(count, own)))
  axis.set_xticks(counts)
  return lines


def _draw(axis: Axes, records: Sequence[Coverage], along: str, index: int, label: str) -> None:
  x, mean, error = (
    np.array([getattr(record, field) for record in records])
    for field in (along, 'coverage', 'coverage_error')
  )
  figures.line(axis, x, mean, error, index, label)


def _on_levels(axis: Axes, levels: int) -> None:
  """Adds the scale of [0, levels], on which a density per dimension is log levels lower."""
  shift = math.log(levels)
  other = axis.secondary_yaxis('right', functions=(lambda y: y - shift, lambda y: y + shift))
  other.set_ylabel(f'the same, in [0, {levels}]', fontsize=8)
  other.tick_params(labelsize=8)
