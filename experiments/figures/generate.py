"""The pictures of `generate`: imagined views beside the true ones, and the error against what is
given.

Dims: B scenes, M modalities, V views given, Q queries, K samples.
"""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation.baselines import Baselines
from experiments.figures import canvas, mosaic
from experiments.figures import style as figures
from gmn_jax.senses import Modality, Views, senses_of

_SHOWN = 4  # samples, at most


def units_of(modalities: Sequence[Modality]) -> dict[str, str]:
  """By the name of a sense, what its error is measured in."""
  return {s.name: f'mean squared error ({s.unit})' for s in senses_of(modalities)}


def shown(modalities: Sequence[Modality], senses: Sequence[np.ndarray]) -> np.ndarray:
  """Views as pictures, (..., Q, S, S, 3) in [0, 1]; a modality without any is left blank."""
  return canvas.compose(
    modalities, [x if x.shape[-1 - len(m.shape)] else None
                 for m, x in zip(modalities, senses, strict=True)]
  )  # fmt: skip


def draw_samples(
  modalities: Sequence[Modality],
  given: Views,
  counts_M: Sequence[int],
  truth: Sequence[np.ndarray],
  drawn: Sequence[np.ndarray],
  baseline: Baselines,
  heads: Sequence[str],
  title: str,
) -> Figure:
  """A panel per object: what is given, the samples, the truth, and what needs no model.

  Args:
    modalities: the M modalities.
    given: the scenes.
    counts_M: how many views of each modality are given.
    truth: of each, (B, Q, *shape).
    drawn: of each, (K, objects, Q, *shape).
    baseline: what needs no model.
    heads: of the Q columns.
    title: of the figure.
  """
  mean = [np.broadcast_to(x, of.shape) for x, of in zip(baseline.mean, truth, strict=True)]
  truth, drawn, nearest, mean = (
    shown(modalities, senses) for senses in (truth, drawn, baseline.nearest, mean)
  )
  panels = []
  for b in range(drawn.shape[1]):
    looks = given_looks(modalities, given, counts_M, b)
    name = 'given' if len(looks) <= len(heads) else f'{len(heads)} of {len(looks)} given'
    rows = [
      mosaic.Row(name, looks[: len(heads)]),
      *(mosaic.Row(f'sample {k + 1}', sample[b]) for k, sample in enumerate(drawn[:_SHOWN])),
      mosaic.Row('truth', truth[b]),
      mosaic.Row('nearest in training', nearest[b]),
      mosaic.Row('mean of training', mean[b]),
    ]
    panels.append(mosaic.Panel(f'scene {b}', rows, heads))
  return mosaic.draw([panels], title)


def draw_growing(
  modalities: Sequence[Modality],
  truth: Sequence[np.ndarray],
  drawn: Mapping[str, Mapping[int, Sequence[np.ndarray]]],
  heads: Sequence[str],
  title: str,
) -> Figure:
  """A panel per object and family of contexts, a row per number of views given, then the truth.

  Args:
    modalities: the M modalities.
    truth: of each, (B, Q, *shape).
    drawn: by family and number of views, of each modality one sample, (objects, Q, *shape).
    heads: of the Q columns.
    title: of the figure.
  """
  truth = shown(modalities, truth)
  pictures = {
    family: {n: shown(modalities, senses) for n, senses in by_number.items()}
    for family, by_number in drawn.items()
  }
  objects = len(next(iter(next(iter(pictures.values())).values())))
  lines = [
    [
      mosaic.Panel(
        f'scene {b}, given {family}',
        [
          *(mosaic.Row(f'{n} given', picture[b]) for n, picture in by_number.items()),
          mosaic.Row('truth', truth[b]),
        ],
        heads,
      )
      for family, by_number in pictures.items()
    ]
    for b in range(objects)
  ]
  return mosaic.draw(lines, title)


def draw_contexts(
  modalities: Sequence[Modality],
  given: Views,
  truth: Sequence[np.ndarray],
  drawn: Mapping[str, tuple[Sequence[int], Sequence[np.ndarray]]],
  title: str,
) -> Figure:
  """A panel per object and context: what is given, the truth, and samples.

  Args:
    modalities: the M modalities.
    given: the scenes.
    truth: of each, (B, Q, *shape).
    drawn: by title, how many views of each modality are given, and (K, objects, Q, *shape) of each.
    title: of the figure.
  """
  truth = shown(modalities, truth)
  samples = {name: shown(modalities, senses) for name, (_, senses) in drawn.items()}
  lines = [
    [
      mosaic.Panel(
        name if b == 0 else '',
        [
          mosaic.Row(
            'looks given', _filled_up(given_looks(modalities, given, counts_M, b), truth[b])
          ),
          mosaic.Row('truth', truth[b]),
          *(mosaic.Row(f'sample {k + 1}', sample[b]) for k, sample in enumerate(samples[name])),
        ],
      )
      for name, (counts_M, _) in drawn.items()
    ]
    for b in range(next(iter(samples.values())).shape[1])
  ]
  return mosaic.draw(lines, title)


def _filled_up(pictures: np.ndarray, like: np.ndarray) -> np.ndarray:
  """As many pictures as another row has, those that are missing blank."""
  filled = np.full_like(like, canvas.BLANK)
  shown = min(len(pictures), len(like))
  filled[:shown] = pictures[:shown]
  return filled


def draw_errors(
  grown: Mapping[str, Mapping[int, Mapping[str, tuple[float, float]]]],
  without_model: Mapping[str, Mapping[str, tuple[float, float]]],
  units: Mapping[str, str],
  of_what: str,
) -> Figure:
  """A panel per sense: error against the number of views given, and without a model.

  Args:
    grown: by family of contexts, number of views and sense, a mean and its standard error.
    without_model: by predictor and sense, likewise.
    units: by sense.
    of_what: names the run, the scenes and the samples.
  """
  senses = next(iter(without_model.values())).keys()
  figure, axes = figures.panels(1, len(senses), width=3.8, height=3.4)
  for axis, sense in zip(axes.flat, senses, strict=True):
    lines = []
    for index, (family, by_number) in enumerate(grown.items()):
      mean, error = np.array([measured[sense] for measured in by_number.values()]).T
      lines.append(figures.line(axis, list(by_number), mean, error, index, f'{family} given'))
    styles = zip(without_model.items(), ('--', ':'), strict=True)
    lines += figures.levels(axis, {name: (of[sense][0], style) for (name, of), style in styles})
    axis.set_xticks(list(next(iter(grown.values()))))
    figures.describe(axis, f'{sense} asked for', 'views given of each modality', units[sense])
    figures.legend_below(axis, lines)
  figure.suptitle(f'{of_what}; bars: standard errors over scenes', fontsize=8)
  return figure


def given_looks(
  modalities: Sequence[Modality], given: Views, counts_M: Sequence[int], scene: int
) -> np.ndarray:
  """The looks of a scene that are given, as pictures (<= V, S, S, 3), what is not given blank."""
  images = [n for n, m in zip(counts_M, modalities, strict=True) if m.sense.drawn_as_pixels]
  senses = jax.device_get([sense[scene] for sense in given.senses])
  looks = [
    canvas.compose(
      modalities, [x[v] if v < n else None for n, x in zip(counts_M, senses, strict=True)]
    )
    for v in range(max(images))
  ]
  return np.stack(looks) if looks else np.zeros((0, 1, 1, 3))
