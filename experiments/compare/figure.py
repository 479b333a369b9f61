"""The figure of a comparison: what its table says, against the training step and the context."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.compare.headlines import bound_by_size, read_results
from experiments.evaluation.learning_curves import read_curves
from experiments.evaluation.results import mean_and_error
from experiments.figures import style as figures

_SENSES = {'I': 'images', 'H': 'grasps', 'I+H': 'images and grasps'}


class _Panel(NamedTuple):
  """Its title and axes, and what reads y by x from the folder of a run."""

  title: str
  x: str
  y: str
  read: Callable[[pathlib.Path], Mapping[float, float]]


def draw(folders: Mapping[str, Sequence[pathlib.Path]], modes: Sequence[str]) -> Figure:
  """A panel for the learning curve of each split, and for what was evaluated.

  Args:
    folders: of the runs of each config, one per seed.
    modes: evaluations that were made of every run.
  """
  panels = _panels([folder for of_config in folders.values() for folder in of_config], modes)
  columns = min(4, len(panels))
  figure, axes = figures.panels(-(-len(panels) // columns), columns, width=3.0)
  for axis, panel in zip(axes.flat, panels, strict=False):
    _lines(axis, folders, panel.read)
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


def _panels(folders: Sequence[pathlib.Path], modes: Sequence[str]) -> list[_Panel]:
  splits = {split: None for folder in folders for split in read_curves(folder)}
  panels = [
    _Panel(f'bound, {split}', 'training step', 'nats per episode', partial(_bound, split))
    for split in splits
    if split != 'train' or len(splits) == 1
  ]
  if 'density' in modes:
    panels += [
      _Panel(
        f'{target} from {along} alone',
        f'{along} given',
        'nats per dimension',
        partial(_density, target, along, other),
      )
      for target, along, other in (
        ('rgb', 'grasps', 'images'),
        ('gray', 'grasps', 'images'),
        ('haptic', 'images', 'grasps'),
      )
    ]
  if 'classify' in modes:
    panels += [
      _Panel(
        f'objects told by {senses}',
        'views given of each',
        'top-1 accuracy',
        partial(_accuracy, context),
      )
      for context, senses in _SENSES.items()
    ]
  if 'missing' in modes:
    panels.append(
      _Panel(
        'any combination, after training',
        'modalities that give context',
        'nats per number',
        _by_size,
      )
    )
  return panels


def _bound(split: str, folder: pathlib.Path) -> Mapping[float, float]:
  curve = read_curves(folder)[split]
  return dict(zip(curve['step'], curve['elbo'], strict=True))


def _density(target: str, along: str, other: str, folder: pathlib.Path) -> Mapping[float, float]:
  return {
    record[along]: record['log_likelihood']
    for record in read_results(folder, 'density')['density']
    if record['target'] == target and record[other] == 0
  }


def _accuracy(context: str, folder: pathlib.Path) -> Mapping[float, float]:
  return {
    record['views']: record['top1']
    for record in read_results(folder, 'classify')['accuracy']
    if record['context'] == context and record['argmax'] == 'over contexts'
  }


def _by_size(folder: pathlib.Path) -> Mapping[float, float]:
  return bound_by_size(read_results(folder, 'missing'))


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
