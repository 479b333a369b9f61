"""Imagined views of a sense that is no picture, against the truth: bars for every number, grouped
by what they are, in their own unit.

Dims: K samples, D numbers.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.figures import style as figures
from gmn_jax.senses import Range, Sense

_WIDTH = 0.4  # of a bar


class Reading(NamedTuple):
  """What is drawn.

  Attributes:
    sense: of which it is a view.
    span: undoes the scaling.
    channels_D: which of the sense's numbers.
  """

  sense: Sense
  span: Range
  channels_D: np.ndarray


def draw(of: Reading, truth_D: np.ndarray, samples_KD: np.ndarray, title: str) -> Figure:
  """Draws one view; error bars are the standard deviation over the samples.

  Args:
    of: what is drawn.
    truth_D: as sensed, scaled.
    samples_KD: as imagined, scaled.
    title: of the figure.
  """
  own = of.span.pick(of.channels_D) if of.sense.ranged else of.span
  truth, samples = (np.asarray(of.sense.unscale(x, own)) for x in (truth_D, samples_KD))
  groups = _groups(of)
  rows = -(-len(groups) // 2)
  figure, axes = figures.panels(rows, min(2, len(groups)), width=5.2, height=2.1)
  for axis, (name, unit, at, labels) in zip(axes.flat, groups, strict=False):
    x = np.arange(len(at))
    axis.bar(x - _WIDTH / 2, truth[at], _WIDTH, color=figures.COLOURS[-1], label='truth')
    axis.bar(
      x + _WIDTH / 2,
      samples[:, at].mean(axis=0),
      _WIDTH,
      yerr=samples[:, at].std(axis=0),
      error_kw={'elinewidth': 0.7},
      color=figures.COLOURS[0],
      label=f'imagined: mean and standard deviation of {len(samples)} samples',
    )
    axis.axhline(0, color='0.4', linewidth=0.6)
    figures.describe(axis, name, '', f'reading ({unit})')
    axis.set_xticks(x, labels, rotation=90, fontsize=5)
  for axis in list(axes.flat)[len(groups) :]:
    axis.set_visible(False)
  handles, names = axes.flat[0].get_legend_handles_labels()
  figure.legend(handles, names, loc='outside lower center', ncols=2, fontsize=8, frameon=False)
  figure.suptitle(title, fontsize=10)
  return figure


def _groups(of: Reading) -> list[tuple[str, str, np.ndarray, list[str]]]:
  """Name, unit, places among the D, and labels of each group that is there."""
  total = len(of.span.low) if of.sense.ranged else max(of.channels_D) + 1
  groups = []
  for group in of.sense.bars(total):
    at = np.flatnonzero(np.isin(of.channels_D, group.indices))
    if at.size:
      label_of = dict(zip(group.indices, group.labels, strict=True))
      labels = [label_of[channel] for channel in of.channels_D[at]]
      groups.append((group.title, group.unit, at, labels))
  return groups
