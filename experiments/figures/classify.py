"""The figure of classification (paper Figure 4)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.evaluation.classify_records import Accuracy, Classified, OwnContext
from experiments.figures import style as figures

_TITLES = {
  'over contexts': "argmax over contexts (paper's text)",
  'over targets': "argmax over targets (authors' code)",
}
_GIVEN = {'I': 'given images (I)', 'H': 'given haptics (H)', 'I+H': 'given both (I+H)'}


def draw(found: Classified, target: str, of_what: str) -> Figure:
  """Accuracy against the size of the context, in both directions, and the bounds beside it.

  Args:
    found: what was measured.
    target: what was assigned.
    of_what: names the run, the draws and the samples.
  """
  figure, axes = figures.panels(2, 3)
  for row, (direction, title) in zip(axes, _TITLES.items(), strict=True):
    records = [record for record in found.accuracy if record.argmax == direction]
    for axis, rank in zip(row, (1, 5), strict=False):
      _lines(axis, records, f'top{rank}')
      figures.bound(axis, found.chance[f'top{rank}'], 'chance')
      axis.set_ylim(0, 1.05)
      figures.describe(
        axis, title, 'views given of each modality', f'top-{rank} accuracy, {target} views'
      )
  bounds = (('elbo', 'ELBO'), ('log_likelihood', 'log-likelihood'))
  for axis, (field, name) in zip(axes[:, 2], bounds, strict=True):
    _lines(axis, found.own_context, field)
    figures.describe(
      axis, f'{name}, own context', 'views given of each modality', 'nats per dimension'
    )
  handles, names = axes[0, 0].get_legend_handles_labels()
  figure.legend(handles, names, loc='outside lower center', ncols=4, fontsize=8, frameon=False)
  figure.suptitle(f'{of_what}; bars: standard errors over draws', fontsize=8)
  return figure


def _lines(axis: Axes, records: Sequence[Accuracy | OwnContext], field: str) -> None:
  for i, senses in enumerate(dict.fromkeys(record.context for record in records)):
    of_line = [record for record in records if record.context == senses]
    views, mean, error = (
      np.array([getattr(record, name) for record in of_line])
      for name in ('views', field, f'{field}_error')
    )
    figures.line(axis, views, mean, error, i, _GIVEN.get(senses, f'given {senses}'))
  axis.set_xticks(views)
