"""The figure of missing modalities (paper Figure 5)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation.missing_records import Overlaid, splits_of
from experiments.figures import style as figures


def draw(found: Mapping[str, Overlaid]) -> Figure:
  """A panel per split with the learning curves, and the bound by how many modalities give context;
  the legend says what each run is.
  """
  splits = splits_of(found)
  figure, axes = figures.panels(1, len(splits) + 1, width=3.0, height=2.8)
  for axis, split in zip(axes[0], splits, strict=False):
    for index, (name, of) in enumerate(found.items()):
      if split in of.curves:
        curve = of.curves[split]
        mean = np.array(curve['elbo'])
        error = np.array(curve.get('elbo_error', np.zeros_like(mean)))
        figures.line(axis, curve['step'], mean, error, index, name)
    figures.describe(axis, split, 'training step', 'ELBO (nats per episode)')
    axis.locator_params(axis='x', nbins=4)
  axis = axes[0, -1]
  for index, (name, of) in enumerate(found.items()):
    mean, error = np.array(list(of.by_size.values())).T
    figures.line(axis, list(of.by_size), mean, error, index, name)
  figures.describe(
    axis,
    'any combination, after training',
    'modalities that give context',
    'ELBO (nats per number)',
  )
  axis.set_xticks(list(next(iter(found.values())).by_size))
  handles, names = axis.get_legend_handles_labels()
  shown = [f'{name}: {found[name]}' for name in names]
  figure.legend(handles, shown, loc='outside lower center', ncols=1, fontsize=8, frameon=False)
  figure.suptitle('Bars: standard errors over scenes', fontsize=8)
  return figure
