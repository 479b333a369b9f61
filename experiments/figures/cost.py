"""The figure of what training steps cost."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.evaluation.cost_records import Costs, Paper
from experiments.figures import style as figures
from gmn_jax.model import VARIANTS


def draw(found: Costs, sizes: str) -> Figure:
  """Four quantities over the number of modalities, the paper's hollow and dotted.

  Args:
    found: what was measured.
    sizes: of the model, a sentence's beginning.
  """
  figure, axes = figures.panels(2, 2, width=3.4, height=2.8)
  of_paper = {
    'parameters': lambda of: of.parameters_millions,
    'time of a step': lambda of: of.ms,
  }
  panels = {
    'parameters': (lambda r: r.parameters / 1e6, 'millions'),
    'time of a step': (lambda r: r.median_ms, 'ms'),
    'peak memory': (lambda r: r.peak_bytes / 2**30, 'GiB'),
    'share of peak': (lambda r: 100 * r.share_of_peak, '%'),
  }
  for axis, (quantity, (read, unit)) in zip(axes.flat, panels.items(), strict=True):
    for index, variant in enumerate(VARIANTS.values()):
      chosen = [r for r in found.measured if r.variant == variant.name]
      y = [read(r) for r in chosen]
      spread = None
      if quantity == 'time of a step':
        spread = [
          [r.median_ms - r.min_ms for r in chosen],
          [r.max_ms - r.median_ms for r in chosen],
        ]
      if chosen:
        figures.line(axis, [r.M for r in chosen], y, spread, index, variant.title)
    if quantity in of_paper:
      _draw_paper(axis, found.paper, of_paper[quantity])
      # The paper's sizes may be far from what was measured.
      axis.set_yscale('log')
    else:
      axis.set_ylim(0, 1.1 * axis.dataLim.y1)
    axis.set_xticks(sorted({r.M for r in found.measured} | {of.M for of in found.paper}))
    figures.describe(axis, quantity, 'number of modalities M', unit)
  figure.suptitle(f'A training step: {sizes[0].lower()}{sizes[1:]}', fontsize=9)
  handles, labels = axes[0, 1].get_legend_handles_labels()
  figure.legend(handles, labels, loc='outside lower center', ncols=3, fontsize=7, frameon=False)
  return figure


def _draw_paper(axis: Axes, paper: Sequence[Paper], read: Callable[[Paper], float]) -> None:
  for index, variant in enumerate(VARIANTS.values()):
    numbers = {of.M: read(of) for of in paper if of.variant == variant.name}
    if numbers:
      axis.plot(
        list(numbers),
        list(numbers.values()),
        color=figures.COLOURS[index],
        marker=figures.MARKERS[index],
        markersize=5,
        markerfacecolor='white',
        linewidth=0.8,
        linestyle=':',
        label=f"{variant.title}, the paper's hardware and sizes, not comparable",
      )
