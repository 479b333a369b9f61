"""Densities across the senses (paper Figure 3), and whether they are calibrated.

  python experiments/main.py --workdir=RUN --mode=density --images=0,5 --grasps=0,5

How likely the last views of a sense, the images or the haptics, are given the first views of all.
Where several modalities are cut from a sense, a count of views is that of each of them.

Densities are annealed (--estimator=ais), in expectation lower bounds. How near they come is
measured on views that the model imagines, for which there is an upper bound too. The
importance-weighted bound (--estimator=iwae) takes a hundredth of the time and is tens of nats
lower (docs/densities.md).

Dims: B scenes, S contexts, M modalities.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Mapping, Sequence

import jax
from matplotlib.figure import Figure

from experiments.evaluation import blocks, density_tables, results
from experiments.evaluation.contract import Evaluation, Panel, Setting
from experiments.evaluation.density_blocks import Measuring, make_measure
from experiments.evaluation.density_headlines import by_scene, from_one_sense, headlines
from experiments.evaluation.density_notes import estimator_notes
from experiments.evaluation.density_records import Densities, Given, as_written, targets_of
from experiments.evaluation.density_summary import (
  bounds_records,
  coverage_records,
  density_records,
  highest_density,
  records_without_model,
)
from experiments.evaluation.estimators import estimator_of
from experiments.evaluation.fitting import Fitting, fit_scenes, fit_split, fit_views, stock_of
from experiments.evaluation.scenes import complete_scenes, sensed, stack_scenes, views_of
from experiments.figures import density as density_figures
from gmn_jax.senses import HAPTIC, IMAGE, Modality, Sense, senses_of
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

# By the sense how many of whose views are given; 'others' of any other one.
_FIELDS = {IMAGE: 'images', HAPTIC: 'grasps'}


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, what is asked for, and how well it is estimated."""

  # How many images are given, the first ones.
  images: tuple[int, ...] = (0, 1, 5, 10)
  # How many grasps are given, the first ones.
  grasps: tuple[int, ...] = (0, 1, 5, 10)
  # How many views of any other sense are given, the first ones.
  others: tuple[int, ...] = (0, 5)
  # How many views of a sense are asked for, the last ones.
  held_out: int = 5
  # 'ais', annealed importance sampling: two CPU seconds for a scene, context and target, right to
  # about a nat; or 'iwae', the importance-weighted bound: a hundredth of the time, tens of nats too
  # low (docs/densities.md).
  estimator: str = 'ais'
  # Where 'ais' starts and 'iwae' samples: the 'posterior', the 'prior', or half of each, 'mixture'.
  proposal: str = 'posterior'
  # Of 'ais', independent estimates that are averaged.
  chains: int = 2
  # Of 'ais', from the proposal to the true posterior. A third of them takes a third of the time and
  # is three times as far off.
  temperatures: int = 600
  # Of 'ais', gradients at each of them.
  leapfrogs: int = 4
  # In how many of the scenes views are imagined by the model besides, of which 'ais' tells both a
  # lower and an upper bound; 0: none.
  imagined: int = 10
  # K of 'iwae', where the authors' script took 5, and of the predictive intervals.
  samples: int = 50
  # How many scenes are measured, the first ones of the split.
  scenes: int = 100
  # Of the dataset.
  split: str = 'test'
  # Standard deviation of the likelihood on [0, 1] and of scaled haptics; 0: the run's own.
  std: float = 0.0
  # How many training scenes the predictors without a model know, the first ones.
  train_scenes: int = 1000
  # Scenes taken at once; results are kept in blocks of so many.
  batch: int = 10
  # Memory for the samples that are held at once, in GiB.
  memory_gib: float = 2.0
  # Of the samples.
  seed: int = 0

  def __post_init__(self):
    require_at_least(self, held_out=1, samples=1, train_scenes=1, batch=1)
    require_at_least(self, chains=1, temperatures=2, leapfrogs=1, imagined=0)
    require_at_least(self, std=0, memory_gib=0, seed=0)
    estimator_of(self)
    if self.scenes < 2:
      raise UserError(f'--scenes is {self.scenes}; a standard error needs at least 2.')
    for field in ('images', 'grasps', 'others'):
      if not getattr(self, field):
        raise UserError(f'--{field} is empty; give one count or more, as in --{field}=0,5.')


def measure(setting: Setting[Options]) -> Densities:
  """Measures densities and the coverage of predictive intervals."""
  run, options, dataset = setting.run, setting.options, setting.dataset
  std = options.std or run.config.std
  modalities = run.model.modalities
  # Of a sense that no scene has, nothing is given and nothing asked for.
  there = sensed(dataset, options.split, modalities)
  needed = _needed(options, senses_of(there))
  scenes = complete_scenes(dataset, options.split, options.scenes, modalities, needed)
  given = contexts_of(options, modalities, views_of(scenes[0], modalities), senses_of(there))
  targets = targets_of(there, std)
  sizes = _sizes(options, there)
  measure_block = make_measure(Measuring(run, targets, given, sizes, options, std))

  def compute(number: int) -> blocks.Block:
    first = number * options.batch
    chosen = scenes[first : first + options.batch]
    # A last, short block is filled up, so that it has the others' shape.
    filled = stack_scenes(chosen + chosen[-1:] * (options.batch - len(chosen)), modalities)
    key = jax.random.fold_in(jax.random.key(options.seed), number)
    measured = measure_block(filled, key, min(max(options.imagined - first, 0), len(chosen)))
    return {name: value[: len(chosen)] for name, value in measured.items()}

  measured = setting.in_blocks(math.ceil(len(scenes) / options.batch), compute)
  return Densities(
    unit='nats per dimension',
    std=std,
    highest=highest_density(std),
    density=[
      record
      for target in targets
      for record in density_records(target, measured, given, options.held_out)
    ],
    bounds=[
      record
      for target in targets
      if f'{target.name}/lower' in measured and options.imagined
      for record in bounds_records(target, measured, given, options.held_out)
    ],
    without_model=records_without_model(
      run, dataset, scenes, targets, options.held_out, options.train_scenes
    ),
    coverage=[
      record
      for sense in senses_of(there)
      for record in coverage_records(sense.name, measured, sizes)
    ],
  )


def contexts_of(
  options: Options,
  modalities: Sequence[Modality],
  views: int,
  senses: Sequence[Sense] | None = None,
) -> dict[Given, tuple[int, ...]]:
  """By how many views of each sense are given, the count for each of the M modalities.

  Args:
    options: how many of each.
    modalities: the M modalities.
    views: of a scene.
    senses: those that scenes have; None: all.

  Raises:
    UserError: a count is negative, or leaves fewer views than are asked for.
  """
  given, senses = {}, senses_of(modalities) if senses is None else senses
  for counts in itertools.product(*(_counts(options, sense) for sense in senses)):
    for count in counts:
      if count < 0 or count + options.held_out > views:
        raise UserError(
          f'a context of {count} views with {options.held_out} held out is asked for, but a scene '
          f'has {views} views; give --images, --grasps, --others and --held_out that fit.'
        )
    of_sense = dict(zip(senses, counts, strict=True))
    name = tuple((sense.views, count) for sense, count in of_sense.items())
    given[name] = tuple(of_sense.get(m.sense, 0) for m in modalities)
  return given


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  fitting, modalities = Fitting(options), run.model.modalities
  stock = stock_of(datasets, fit_split(fitting, datasets), modalities)
  fields = sorted({_FIELDS.get(sense, 'others') for sense in stock.senses})
  fit_views(fitting, stock, fields)
  needed = fitting.value('held_out') + max(max(fitting.value(field)) for field in fields)
  fit_scenes(fitting, 'scenes', stock, needed, 2)
  return fitting.done()


def _needed(options: Options, senses: Sequence[Sense]) -> int:
  """How many views a scene must have."""
  return options.held_out + max(max(_counts(options, sense)) for sense in senses)


def _counts(options: Options, sense: Sense) -> tuple[int, ...]:
  """How many views of a sense are given: of those that come along, what the option of that name
  says.
  """
  return getattr(options, _FIELDS.get(sense, 'others'))


def _sizes(options: Options, modalities: Sequence[Modality]) -> list[int]:
  """The context sizes for which coverage is measured, of every modality alike."""
  return sorted({count for sense in senses_of(modalities) for count in _counts(options, sense)})


def _tables(found: Densities, setting: Setting[Options]) -> list[results.Table]:
  del setting
  return density_tables.tables(found)


def _notes(found: Densities, setting: Setting[Options]) -> list[str]:
  options = setting.options
  estimator = estimator_of(options)
  notes = [
    f'log p(X | V, C) of the last {options.held_out} views, nats per dimension: {estimator.title}, '
    f'likelihood std {found.std:g}; means and standard errors over {options.scenes} scenes of '
    f'{options.split!r}.',
    f'Of a density {found.highest:.4f} is the constant of any Gaussian of that std, -1/2 log 2 pi '
    'std^2; what it is below that is signal.',
    'Images are on [0, 1]; on [0, 255] every density per dimension is log 255 = '
    f'{math.log(255):.3f} lower. Haptics are on the scale of the training range. Gray is the HSV '
    'value.',
    'Predictors without a model: Gaussians of the same std about the mean training view and the '
    f'training view of nearest pose, of the first {options.train_scenes} training scenes at most.',
    f'Intervals are of the mixture of {options.samples} samples of p(z | C), with the std around '
    'each: what is known better than the std, such as the background, is inside nearly all.',
    *estimator_notes(found, estimator),
  ]
  if 'gray' not in [record.target for record in found.density]:
    notes.append('No gray: no modality has all three colours, whose maximum it is.')
  return notes


def _figures(found: Densities, setting: Setting[Options], title: str) -> dict[str, Figure]:
  found_of = {record.target for record in found.density}
  targets = [
    target
    for target in targets_of(setting.run.model.modalities, found.std)
    if target.name in found_of
  ]
  return {
    '': density_figures.draw_density(found, targets, title),
    'calibration': density_figures.draw_coverage(found, title),
  }


def _measured_on(setting: Setting[Options]) -> str:
  options = setting.options
  scenes = f'{options.scenes} scenes of {", ".join(setting.datasets)} ({options.split})'
  return f'{scenes}, {estimator_of(options).short}'


MODE = Evaluation(
  name='density',
  doc=__doc__,
  options=Options,
  measure=measure,
  numbers=as_written,
  tables=_tables,
  notes=_notes,
  figures=_figures,
  enough=lambda options: {'train': options.train_scenes} | {options.split: options.scenes},
  measured_on=_measured_on,
  fitted=_fitted,
  headlines=headlines,
  by_scene=by_scene,
  panels=[
    Panel(
      f'{target} from {along} alone',
      f'{along} given',
      'nats per dimension',
      functools.partial(from_one_sense, target, along, other),
    )
    for target, along, other in (
      ('rgb', HAPTIC.views, IMAGE.views),
      ('gray', HAPTIC.views, IMAGE.views),
      (HAPTIC.name, IMAGE.views, HAPTIC.views),
    )
  ],
)
