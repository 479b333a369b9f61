"""The figure of how well shapes are imagined."""

from matplotlib.figure import Figure

from experiments.evaluation.shapes_records import Shapes
from experiments.figures import style as figures

_LINES = ('--', ':')


def draw(found: Shapes, of_what: str) -> Figure:
  """Overlaps and shares of shapes named, a point per context, beside what needs no model.

  Args:
    found: what was measured.
    of_what: names the run and the scenes.
  """
  figure, axes = figures.panels(1, 2, width=3.6, height=2.8)
  places = range(len(found.imagined))
  panels = {'overlap': 'silhouettes, IoU', 'named': 'true shape is the nearest'}
  for index, (axis, (field, title)) in enumerate(zip(axes[0], panels.items(), strict=True)):
    mean = [getattr(r, field) for r in found.imagined]
    reach = [
      [abs(getattr(r, f'{field}_{side}') - getattr(r, field)) for r in found.imagined]
      for side in ('low', 'high')
    ]
    axis.errorbar(places, mean, reach, fmt='o', color=figures.COLOURS[index], capsize=2)
    for record, style in zip(found.without_model, _LINES, strict=True):
      figures.bound(axis, getattr(record, field), record.given, style)
    axis.set_ylim(0, 1.05)
    axis.set_xticks(places, [r.given.replace('+', '\n') for r in found.imagined])
    figures.describe(axis, title, 'given', 'share')
  handles, names = axes[0, 0].get_legend_handles_labels()
  figure.legend(handles, names, loc='outside lower center', ncols=2, fontsize=8, frameon=False)
  figure.suptitle(f'{of_what}; bars: 95 % intervals over scenes', fontsize=8)
  return figure
