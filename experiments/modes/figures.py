"""Figures fit for a paper: colours that colour-blind readers tell apart, error bars, bounds."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Okabe and Ito's palette (jfly.uni-koeln.de/color), without its yellow, which white paper swallows.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
MARKERS = 'osD^vPX'


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


def describe(axis: Axes, title: str, x: str, y: str) -> None:
  """Titles a panel and its axes; `x` and `y` say their units."""
  axis.set_title(title, fontsize=9)
  axis.set_xlabel(x, fontsize=8)
  axis.set_ylabel(y, fontsize=8)
