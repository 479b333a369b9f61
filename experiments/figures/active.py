"""The figure of active looking and touching."""

import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation.active_records import Explored
from experiments.figures import style as figures


def draw(found: Explored, units: dict[str, str], of_what: str) -> Figure:
  """A panel for what may be sensed and what is measured: the error after so many views.

  Args:
    found: what was measured.
    units: by the name of a sense, of its error.
    of_what: names the run and the scenes.
  """
  panels = list(dict.fromkeys((r.senses, r.of) for r in found.errors))
  policies = list(dict.fromkeys(r.policy for r in found.errors))
  names = list(dict.fromkeys(of for _, of in panels))
  families = list(dict.fromkeys(senses for senses, _ in panels))
  figure, axes = figures.panels(len(names), len(families))
  for axis, (senses, of) in zip(axes.T.flat, panels, strict=True):
    for index, policy in enumerate(policies):
      records = found.select(senses, of, policy)
      mean, error = np.array([(r.error, r.error_error) for r in records]).T
      figures.line(axis, [r.views for r in records], mean, error, index, policy)
    figures.describe(axis, f'{of}, sensing {senses}', senses, units[of])
    axis.set_xticks([r.views for r in records])
    axis.set_ylim(bottom=0)
  handles, labels = axes[0, 0].get_legend_handles_labels()
  figure.legend(handles, labels, loc='outside lower center', ncols=6, fontsize=8, frameon=False)
  figure.suptitle(f'{of_what}; bars: standard errors over scenes', fontsize=8)
  return figure
