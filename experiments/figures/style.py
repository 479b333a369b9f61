"""Figures fit for a paper: colours that colour-blind readers tell apart, error bars, bounds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

# Okabe and Ito's palette (jfly.uni-koeln.de/color), without its yellow, which white paper swallows.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
MARKERS = 'osD^vPX'
_BELOW = 0.38  # inches that an axis takes under its panel


def panels(rows: int, columns: int, width: float = 3.2, height: float = 2.6, **subplots):
  """A figure of `rows` by `columns` panels of a size in inches, drawn without a screen.

  Args:
    rows: of panels.
    columns: of panels.
    width: of a panel.
    height: of a panel.
    **subplots: as of `Figure.subplots`, such as `sharey=True`.

  Returns:
    The figure, and its axes as an array (rows, columns).
  """
  figure = Figure(figsize=(width * columns, height * rows), layout='constrained')
  axes = figure.subplots(rows, columns, squeeze=False, **subplots)
  for axis in axes.flat:
    axis.spines[['top', 'right']].set_visible(False)
    axis.grid(axis='y', color='0.9', linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8)
  return figure, axes


def line(
  axis: Axes, x: Sequence[float], mean: np.ndarray, error: np.ndarray, index: int, label: str
) -> ErrorbarContainer:
  """Draws means with their standard errors; `index` decides colour and marker."""
  return axis.errorbar(
    x,
    mean,
    yerr=error,
    color=COLOURS[index % len(COLOURS)],
    marker=MARKERS[index % len(MARKERS)],
    markersize=4,
    linewidth=1.2,
    capsize=2,
    label=label,
  )


def bound(axis: Axes, y: float, label: str, style: str = '--') -> Line2D:
  """Draws a level that is none of the model's: chance, a baseline, a bound."""
  return axis.axhline(y, color='0.4', linestyle=style, linewidth=1, label=label)


def levels(axis: Axes, named: Mapping[str, tuple[float, str]]) -> list[Line2D]:
  """Draws levels that are none of the model's beside the lines that are there.

  One that is far away would press the lines together: it is told by its number alone.

  Args:
    axis: with the lines.
    named: by name, y and style.
  """
  low, high = axis.get_ylim()
  reach = high - low
  near = [y for y, _ in named.values() if low - reach < y < high + reach]
  margin = reach / 10
  axis.set_ylim(min([low, *(y - margin for y in near)]), max([high, *(y + margin for y in near)]))
  return [
    bound(axis, y, f'{name}: {y:.3g}{"" if y in near else " (not shown)"}', style)
    for name, (y, style) in named.items()
  ]


def legend_below(axis: Axes, handles: Sequence[Artist] | None = None) -> None:
  """A legend under a panel and its axis, where it covers nothing.

  Args:
    axis: of the panel.
    handles: what it names; all that has a label if not given.
  """
  below = ScaledTranslation(0, -_BELOW, axis.figure.dpi_scale_trans)
  axis.legend(
    handles=axis.get_legend_handles_labels()[0] if handles is None else handles,
    loc='upper center',
    bbox_to_anchor=(0.5, 0),
    bbox_transform=axis.transAxes + below,
    ncols=2,
    columnspacing=1,
    handlelength=1.8,
    fontsize=6.5,
    frameon=False,
  )


def describe(axis: Axes, title: str, x: str, y: str) -> None:
  """Titles a panel and its axes; `x` and `y` say their units."""
  axis.set_title(title, fontsize=9)
  axis.set_xlabel(x, fontsize=8)
  axis.set_ylabel(y, fontsize=8)
