"""The figure of a comparison: what its table says, against the training step and the context."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import modes
from experiments.compare.headlines import read_results
from experiments.evaluation.contract import Panel
from experiments.evaluation.learning_curves import read_curves
from experiments.evaluation.results import mean_and_error
from experiments.figures import style as figures

_Load = Callable[[pathlib.Path], Mapping[str, Any]]


def draw(folders: Mapping[str, Sequence[pathlib.Path]], evaluations: Sequence[str]) -> Figure:
  """A panel for the learning curve of each split, and for what was evaluated.

  Args:
    folders: of the runs of each config, one per seed.
    evaluations: that were made of every run.
  """
  panels = _panels([folder for of_config in folders.values() for folder in of_config], evaluations)
  columns = min(4, len(panels))
  figure, axes = figures.panels(-(-len(panels) // columns), columns, width=3.0)
  for axis, (panel, load) in zip(axes.flat, panels, strict=False):
    _lines(axis, folders, lambda folder, panel=panel, load=load: panel.read(load(folder)))
    figures.describe(axis, panel.title, panel.x, panel.y)
    axis.locator_params(axis='x', nbins=5)
  for axis in axes.flat[len(panels) :]:
    axis.set_axis_off()
  handles, names = axes.flat[0].get_legend_handles_labels()
  figure.legend(
    handles, names, loc='outside lower center', ncols=len(names), fontsize=8, frameon=False
  )
  seeds = max(map(len, folders.values()))
  bars = f'Bars: standard errors over {seeds} seeds' if seeds > 1 else 'One seed'
  figure.suptitle(bars, fontsize=8)
  return figure


def _panels(
  folders: Sequence[pathlib.Path], evaluations: Sequence[str]
) -> list[tuple[Panel, _Load]]:
  """The panels, each with what loads from a run's folder that which it reads."""
  first, *others = map(read_curves, folders)
  # Runs of an older version measured less.
  splits = [split for split in first if all(split in curves for curves in others)]
  curves = [
    (Panel(f'bound, {split}', 'training step', 'nats per episode', _bound), partial(_curve, split))
    for split in splits
    if split != 'train' or len(splits) == 1
  ]
  return curves + [
    (panel, partial(read_results, mode=name))
    for name in evaluations
    for panel in modes.load(name).panels
  ]


def _curve(split: str, folder: pathlib.Path) -> Mapping[str, Any]:
  return read_curves(folder)[split]


def _bound(curve: Mapping[str, Any]) -> Mapping[float, float]:
  return dict(zip(curve['step'], curve['elbo'], strict=True))


def _lines(
  axis: Axes,
  folders: Mapping[str, Sequence[pathlib.Path]],
  read: Callable[[pathlib.Path], Mapping[float, float]],
) -> None:
  for index, (config, of_config) in enumerate(folders.items()):
    lines = [read(folder) for folder in of_config]
    xs = sorted(set(lines[0]).intersection(*lines[1:]))
    mean, error = mean_and_error(np.array([[line[x] for x in xs] for line in lines]))
    figures.line(axis, xs, mean, error, index, config)
