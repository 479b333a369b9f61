"""Whether an imagined object has the right shape: its silhouette, and which shape it is nearest to.

  python experiments/main.py --workdir=RUN --mode=shapes --contexts=image:1+haptic:15,haptic:15

An object is imagined at cameras on a ring, and its silhouette compared with the true one by
intersection over union (IoU). Then it is named: of all shapes of so many cubes, each rendered in
every orientation, the one whose silhouettes are nearest. Contexts are written as in
`--mode=generate`, with + between senses.

Dims: B scenes, Q cameras, S side of a picture.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import contexts, results, unseen
from experiments.evaluation.blocks import Block
from experiments.evaluation.contract import Evaluation, Setting
from experiments.evaluation.fitting import Fitting, fit_scenes, fit_split, stock_of
from experiments.evaluation.imagining import BLOCK, Imagination
from experiments.evaluation.scenes import complete_scenes, sensed, stack_scenes, views_of
from experiments.evaluation.shapes_records import Known, Shapes, known
from experiments.evaluation.silhouettes import (
  BRIGHT,
  Gallery,
  make_gallery,
  overlap,
  share_of_naming,
  silhouettes,
)
from experiments.figures import shapes as figure
from gmn_jax.senses import IMAGE, Views, cut_scenes
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

_TRUE, _OTHER = 'the true views', "another object's true views"


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, and where the object is imagined."""

  # Given, as in image:1+haptic:15: how many views of which modalities, the first ones; 'nothing':
  # none.
  contexts: tuple[str, ...] = ('nothing', 'image:1', 'image:5', 'haptic:15', 'image:1+haptic:15')
  # How many scenes are measured, the first ones of the split; at least 2.
  scenes: int = 100
  # Samples of z per scene; the mean of what they show is the prediction that is measured.
  samples: int = 8
  # Cameras on the ring around each object.
  cameras: int = 8
  # Where the ring is, degrees above the object.
  elevation: float = 30.0
  # Of the dataset.
  split: str = 'test'
  # Of the samples.
  seed: int = 0

  def __post_init__(self):
    require_at_least(self, scenes=2, samples=1, cameras=1, seed=0)
    if not -90 <= self.elevation <= 90:
      raise UserError(f'--elevation is {self.elevation}; it is in degrees, from -90 to 90.')
    if not self.contexts:
      raise UserError('--contexts is empty; give one or more, as in --contexts=image:1,haptic:15.')


class _Sights(NamedTuple):
  """What the cameras see.

  Attributes:
    truth: of the objects, B scenes.
    true_BQSS: their silhouettes.
    shape_B: which shapes they are.
    gallery_B: what each is named among.
  """

  truth: Views
  true_BQSS: np.ndarray
  shape_B: list[int]
  gallery_B: list[Gallery]


def measure(setting: Setting[Options]) -> Shapes:
  """Imagines the objects from every context, compares silhouettes, and names shapes."""
  run, options = setting.run, setting.options
  modalities = run.model.modalities
  scenes = complete_scenes(
    setting.dataset, options.split, options.scenes, modalities, _needed(options)
  )
  views = views_of(scenes[0], modalities)
  counts = {
    words: contexts.parse_context(words.split('+'), modalities, views) for words in options.contexts
  }
  given = cut_scenes(modalities, stack_scenes(scenes, modalities), run.ranges)
  sights = _look(run, scenes, given, options)
  imagination = Imagination(run, sights.truth.queries, options.samples, options.seed, drawn=0)

  def compute(number: int) -> Block:
    at = slice(number * BLOCK, (number + 1) * BLOCK)
    found = []
    for context in counts.values():
      mean = [x.mean(axis=0) for x in imagination.block(given, context, number)]
      found.append(_compare(_silhouettes(run, mean), sights, at))
    overlap_BC, named_BC = np.moveaxis(np.array(found), 0, -1)
    return {'overlap': overlap_BC, 'named': named_BC}

  imagined = setting.in_blocks(math.ceil(len(scenes) / BLOCK), compute)
  everything = slice(None)
  others = np.roll(sights.true_BQSS, 1, axis=0)
  return Shapes(
    possible={
      len(scene['positions']): len(set(gallery.shape_C.tolist()))
      for scene, gallery in zip(scenes, sights.gallery_B, strict=True)
    },
    imagined=[
      known(words, imagined['overlap'][:, i], imagined['named'][:, i])
      for i, words in enumerate(counts)
    ],
    without_model=[
      known(name, *_compare(seen, sights, everything))
      for name, seen in ((_TRUE, sights.true_BQSS), (_OTHER, others))
    ],
  )


def _look(
  run: Run, scenes: Sequence[Mapping[str, np.ndarray]], given: Views, options: Options
) -> _Sights:
  modalities = run.model.modalities
  looks = [m for m in modalities if m.sense == IMAGE]
  ring = unseen.camera_ring(options.cameras, options.elevation)
  size = scenes[0]['images'].shape[1]
  anew = [
    unseen.look_anew(np.float64(s['positions']), np.float64(s['colours']), ring, size)
    for s in scenes
  ]
  seen = cut_scenes(looks, {field: np.stack([a[field] for a in anew]) for field in anew[0]}, {})
  # Of what is no image nothing is asked for.
  truth = Views(
    *(
      tuple(of_looks[looks.index(m)] if m in looks else of_given[i][:, :0]
            for i, m in enumerate(modalities))
      for of_looks, of_given in zip(seen, given, strict=True)
    )
  )  # fmt: skip

  @functools.cache
  def gallery(num_parts: int) -> Gallery:
    return make_gallery(looks, num_parts, ring, size)

  return _Sights(
    truth,
    _silhouettes(run, [np.asarray(x) for x in truth.senses]),
    [int(scene['shape_id']) for scene in scenes],
    [gallery(len(scene['positions'])) for scene in scenes],
  )


def _silhouettes(run: Run, senses: Sequence[np.ndarray]) -> np.ndarray:
  looks = [
    (m, sense) for m, sense in zip(run.model.modalities, senses, strict=True) if m.sense == IMAGE
  ]
  return silhouettes([m for m, _ in looks], [sense for _, sense in looks])


def _compare(seen_BQSS: np.ndarray, sights: _Sights, at: slice) -> tuple[np.ndarray, np.ndarray]:
  """Overlaps and whether shapes are named, (B,) each."""
  named = [
    share_of_naming(seen_QSS, gallery, shape)
    for seen_QSS, gallery, shape in zip(
      seen_BQSS, sights.gallery_B[at], sights.shape_B[at], strict=True
    )
  ]
  return overlap(seen_BQSS, sights.true_BQSS[at]).mean(axis=-1), np.array(named)


def _needed(options: Options) -> int:
  """How many views the contexts ask for at most."""
  terms = [term.rpartition(':')[2] for words in options.contexts for term in words.split('+')]
  return max([1, *(int(count) for count in terms if count.isdecimal())])


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  fitting, modalities = Fitting(options), run.model.modalities
  split = fit_split(fitting, datasets)
  (dataset,) = datasets.values()
  there = sensed(dataset, split, modalities)
  if not any(m.sense == IMAGE for m in there):
    raise UserError(
      'no images are there in which a shape is seen; give a model and scenes of them.'
    )
  if int(dataset.splits[split][0].get('shape_id', -1)) < 0:
    raise UserError(
      'the shapes of the objects are not known, so that none can be named; give a dataset of '
      'Shepard-Metzler objects, as in --config.dataset=shepard_metzler_5.'
    )
  stock = stock_of(datasets, split, modalities)
  views = stock.views_for(_needed(options))
  fitted = tuple(
    dict.fromkeys(
      '+'.join(contexts.fit_terms(words.split('+'), modalities, there, views))
      for words in options.contexts
    )
  )
  fitting.use('contexts', fitted, f'{results.counted(views, "views")} of each sense are there')
  fit_scenes(fitting, 'scenes', stock, min(views, _needed(options)), 2)
  return fitting.done()


def _tables(found: Shapes, setting: Setting[Options]) -> list[results.Table]:
  del setting
  rows = [[r.given, *_shown(r)] for r in found.imagined]
  rows += [[f'no model: {r.given}', *_shown(r)] for r in found.without_model]
  heads = ['given', 'silhouette IoU', '95 %', 'shapes named, %', '95 %']
  return [results.Table('Imagined shapes, by what was given', heads, rows)]


def _shown(r: Known) -> list[str]:
  return [
    f'{r.overlap:.3f}',
    f'{r.overlap_low:.3f} to {r.overlap_high:.3f}',
    f'{100 * r.named:.0f}',
    f'{100 * r.named_low:.0f} to {100 * r.named_high:.0f}',
  ]


def _notes(found: Shapes, setting: Setting[Options]) -> list[str]:
  options = setting.options
  among = ', '.join(f'{count} of {parts} cubes' for parts, count in found.possible.items())
  return [
    f'The first {options.scenes} scenes of {options.split!r}, seen by {options.cameras} cameras '
    f'{options.elevation:g} degrees above the object; the prediction is the mean over '
    f'{options.samples} samples of z from p(z | C). Intervals are over scenes (Student, Wilson).',
    f'A pixel is of the silhouette where its brightest channel is above {BRIGHT}.',
    f'Named among all shapes ({among}) in every orientation, by the greatest IoU.',
  ]


def _read(written: Mapping[str, Any], suffix: str = '') -> dict[str, Any]:
  """Of every context the overlap and the share named, or what `suffix` adds to these names."""
  numbers = {}
  for r in written['imagined']:
    numbers[f'silhouettes from {r["given"]} (IoU)'] = r[f'overlap{suffix}']
    numbers[f'shapes named from {r["given"]} (share)'] = r[f'named{suffix}']
  return numbers


def _figures(found: Shapes, setting: Setting[Options], title: str) -> dict[str, Figure]:
  del setting
  return {'': figure.draw(found, title)}


MODE = Evaluation(
  name='shapes',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=_tables,
  notes=_notes,
  figures=_figures,
  enough=lambda options: {options.split: options.scenes},
  measured_on=lambda setting: f'{setting.options.scenes} scenes of {", ".join(setting.datasets)}',
  fitted=_fitted,
  headlines=_read,
  by_scene=lambda written: _read(written, '_by_scene'),
)
