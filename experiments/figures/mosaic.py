"""Grids of pictures with a name to each row, as panels of a figure."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_LETTERS = 12  # of a title in an inch
_GAP = 0.06  # of a tile, between tiles


class Row(NamedTuple):
  """Pictures side by side, (n, H, W, 3) in [0, 1], n at least 0, under one name."""

  name: str
  pictures: np.ndarray


class Panel(NamedTuple):
  """Rows under one title; `heads` name the columns."""

  title: str
  rows: Sequence[Row]
  heads: Sequence[str] = ()


def draw(panels: Sequence[Sequence[Panel]], title: str, tile: float = 0.48) -> Figure:
  """Draws panels in rows, one size of tile throughout.

  Args:
    panels: rows of panels, equally many in each; those in a row have the same names of rows, which
      stand once, at the left.
    title: of the figure.
    tile: side of a picture in inches.
  """
  columns = [max(len(row.pictures) for row in panel.rows) for panel in panels[0]]
  rows = [len(line[0].rows) for line in panels]
  longest = max(len(row.name) for line in panels for row in line[0].rows)
  # What names, titles and gaps take, in inches.
  beside, above, between = 0.06 * longest + 0.1, 0.5, 0.25
  width = tile * (1 + _GAP) * sum(columns) + beside + between * len(columns)
  height = tile * (1 + _GAP) * sum(rows) + above * len(rows) + 0.4
  figure = Figure(figsize=(width, height), layout='constrained')
  figure.suptitle(textwrap.fill(title, round(_LETTERS * width)), fontsize=10)
  axes = figure.subplots(
    len(panels), len(columns), squeeze=False, width_ratios=columns, height_ratios=rows
  )
  for line, axes_of_line in zip(panels, axes, strict=True):
    for i, (panel, axis, count) in enumerate(zip(line, axes_of_line, columns, strict=True)):
      _draw_panel(axis, panel, count, named=i == 0)
  return figure


def _draw_panel(axis: Axes, panel: Panel, columns: int, named: bool) -> None:
  side = next(row.pictures.shape[1] for row in panel.rows if len(row.pictures))
  step = side * (1 + _GAP)
  for r, row in enumerate(panel.rows):
    for c, picture in enumerate(row.pictures):
      left, top = c * step, r * step
      axis.imshow(
        picture,
        extent=(left, left + side, top + side, top),
        interpolation='nearest',
        vmin=0,
        vmax=1,
      )
  axis.set_xlim(0, columns * step)
  axis.set_ylim(len(panel.rows) * step, 0)
  axis.set_aspect('equal')
  axis.set_yticks(
    [r * step + side / 2 for r in range(len(panel.rows))],
    [row.name if named else '' for row in panel.rows],
    fontsize=7,
  )
  axis.set_xticks([c * step + side / 2 for c in range(len(panel.heads))], panel.heads, fontsize=6)
  axis.tick_params(length=0)
  axis.spines[:].set_visible(False)
  axis.set_title(panel.title, fontsize=8)
