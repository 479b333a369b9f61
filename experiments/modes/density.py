"""Densities across the senses (paper Figure 3), and whether they are calibrated.

  python experiments/main.py --workdir=RUN --mode=density --samples=50

How likely the last views of the images, or of the haptics, are given the first views of both. For
sets of several image or haptic modalities, a count of views is that of each of them.

Dims: B scenes, S contexts, M modalities.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import blocks, density_tables, held_out, results
from experiments.evaluation.contexts import KINDS
from experiments.evaluation.contract import Evaluation, Panel, Setting
from experiments.evaluation.density_records import (
  Densities,
  Target,
  coverage_records,
  density_records,
  records_without_model,
  targets_of,
)
from experiments.evaluation.held_out import Question
from experiments.evaluation.options import require_at_least
from experiments.evaluation.scenes import first_scenes, stack_scenes
from experiments.figures import density as density_figures
from gmn_jax.inference import importance
from gmn_jax.senses.modality import Modality
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, what is asked for, and how well it is estimated."""

  # How many images are given, the first ones.
  images: tuple[int, ...] = (0, 1, 5, 10)
  # How many grasps are given, the first ones.
  grasps: tuple[int, ...] = (0, 1, 5, 10)
  # How many views of the images, or of the grasps, are asked for, the last ones.
  held_out: int = 5
  # K of the importance-weighted estimate; the authors' script took 5.
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
    require_at_least(self, std=0, memory_gib=0, seed=0)
    if self.scenes < 2:
      raise UserError(f'--scenes is {self.scenes}; a standard error needs at least 2.')
    for field in ('images', 'grasps'):
      if not getattr(self, field):
        raise UserError(f'--{field} is empty; give one count or more, as in --{field}=0,5.')


def measure(setting: Setting[Options]) -> Densities:
  """Measures densities and the coverage of predictive intervals."""
  run, options, dataset = setting.run, setting.options, setting.dataset
  std = options.std or run.config.std
  scenes = first_scenes(dataset, options.split, options.scenes)
  given = contexts_of(options, run.model.modalities, views=len(scenes[0]['images']))
  targets = targets_of(run.model.modalities, std)
  measure_block = _measure(run, targets, given, options, std)

  def compute(number: int) -> blocks.Block:
    chosen = scenes[number * options.batch : (number + 1) * options.batch]
    # A last, short block is filled up, so that it has the others' shape.
    filled = stack_scenes(chosen + chosen[-1:] * (options.batch - len(chosen)))
    measured = measure_block(filled, jax.random.fold_in(jax.random.key(options.seed), number))
    return {name: value[: len(chosen)] for name, value in measured.items()}

  measured = setting.in_blocks(math.ceil(len(scenes) / options.batch), compute)
  return Densities(
    unit='nats per dimension',
    std=std,
    highest=-0.5 * math.log(2 * math.pi * std**2),
    density=[
      record
      for target in targets
      for record in density_records(target, measured, given, options.held_out)
    ],
    without_model=records_without_model(
      run, dataset, scenes, targets, options.held_out, options.train_scenes
    ),
    coverage=[
      record for kind in KINDS for record in coverage_records(kind, measured, _sizes(options))
    ],
  )


def contexts_of(
  options: Options, modalities: Sequence[Modality], views: int
) -> dict[tuple[int, int], tuple[int, ...]]:
  """By images and grasps given, the count of views for each of the M modalities.

  Raises:
    UserError: a count is negative, or leaves fewer views than are asked for.
  """
  given = {}
  for images, grasps in itertools.product(options.images, options.grasps):
    for count in (images, grasps):
      if count < 0 or count + options.held_out > views:
        raise UserError(
          f'a context of {count} views with {options.held_out} held out is asked for, but a scene '
          f'has {views} views; give --images, --grasps and --held_out that fit.'
        )
    of_kind = {'image': images, 'haptic': grasps}
    given[images, grasps] = tuple(of_kind[m.kind] for m in modalities)
  return given


def _measure(
  run: Run,
  targets: Sequence[Target],
  given: Mapping[tuple[int, int], tuple[int, ...]],
  options: Options,
  std: float,
) -> Callable[[Mapping[str, np.ndarray], jax.Array], blocks.Block]:
  """What measures raw scenes with a key; compiles when it is first called.

  It returns, scenes leading, `<target>/<field of Estimate>` (B, S) in nats and numbers, and
  `<kind>/coverage` (B, levels, sizes).
  """
  alike = tuple((size,) * len(run.model.modalities) for size in _sizes(options))

  @functools.cache
  def weigher(kind: str) -> Callable[..., importance.Estimate]:
    likelihoods = tuple(target.likelihood for target in targets if target.kind == kind)
    function = functools.partial(
      held_out.weigh,
      model=run.model,
      question=Question(tuple(given.values()), kind, options.held_out, likelihoods),
      samples=options.samples,
    )
    return importance.within_memory(function, options.memory_gib * 2**30, options.samples)

  @functools.cache
  def coverer(kind: str) -> Callable[..., jax.Array]:
    return jax.jit(
      functools.partial(
        held_out.cover,
        model=run.model,
        question=Question(alike, kind, options.held_out),
        std=std,
        samples=options.samples,
      )
    )

  def measure(raw: Mapping[str, np.ndarray], key: jax.Array) -> blocks.Block:
    measured = {}
    for kind, key_kind in zip(KINDS, jax.random.split(key, len(KINDS)), strict=True):
      key_weigh, key_cover = jax.random.split(key_kind)
      estimated = weigher(kind)(run.params, raw, run.haptic_range, key_weigh)
      names = [target.name for target in targets if target.kind == kind]
      for field, value_LSB in estimated._asdict().items():
        for name, value_SB in zip(names, np.asarray(value_LSB), strict=True):
          measured[f'{name}/{field}'] = value_SB.T
      covered = coverer(kind)(run.params, raw, run.haptic_range, key_cover)
      measured[f'{kind}/coverage'] = np.moveaxis(np.asarray(covered), -1, 0)
    return measured

  return measure


def _sizes(options: Options) -> list[int]:
  """The context sizes for which coverage is measured, of every modality alike."""
  return sorted({*options.images, *options.grasps})


def _tables(found: Densities, setting: Setting[Options]) -> list[results.Table]:
  return density_tables.tables(found, setting.options.images, setting.options.grasps)


def _notes(found: Densities, setting: Setting[Options]) -> list[str]:
  options = setting.options
  effective = [record.effective_samples for record in found.density]
  notes = [
    f'log p(X | V, C) of the last {options.held_out} views, nats per dimension: the importance-'
    f'weighted bound with K = {options.samples}, likelihood std {found.std:g}; means and standard '
    f'errors over {options.scenes} scenes of {options.split!r}.',
    'Images are on [0, 1]; on [0, 255] every density per dimension is log 255 = '
    f'{math.log(255):.3f} lower. Haptics are on the scale of the training range. Gray is the HSV '
    'value.',
    'Predictors without a model: Gaussians of the same std about the mean training view and the '
    f'training view of nearest pose, of the first {options.train_scenes} training scenes at most.',
    f'Intervals are of the mixture of {options.samples} samples of p(z | C), with the std around '
    'each: what is known better than the std, such as the background, is inside nearly all.',
    f'Of the K samples, {min(effective):.1f} to {max(effective):.1f} carry the estimate (the mean '
    'effective number of each target and context): the nearer to 1, the further it may be below '
    'the density.',
  ]
  if 'gray' not in [record.target for record in found.density]:
    notes.append('No gray: no modality has all three colours, whose maximum it is.')
  return notes


def _figures(found: Densities, setting: Setting[Options], title: str) -> dict[str, Figure]:
  del setting
  return {
    '': density_figures.draw_density(found, title),
    'calibration': density_figures.draw_coverage(found, title),
  }


def _measured_on(setting: Setting[Options]) -> str:
  options = setting.options
  scenes = f'{options.scenes} scenes of {", ".join(setting.datasets)} ({options.split})'
  return f'{scenes}, K = {options.samples}'


def _headlines(written: Mapping[str, Any]) -> dict[str, float]:
  """Given views of one sense alone, and all that was given of both; what grasps alone add."""
  records = written['density']
  most = {field: max(record[field] for record in records) for field in ('images', 'grasps')}
  numbers, gains = {}, {}
  for r in records:
    if 0 in (r['images'], r['grasps']) or all(r[field] == most[field] for field in most):
      given = ', '.join(results.counted(r[field], field) for field in most)
      numbers[f'{r["target"]} given {given} (nats per dimension)'] = r['log_likelihood']
    if r['images'] == 0 and 'gain' in r:
      gains[r['target'], r['grasps']] = r['gain']
  for (target, grasps), gain in gains.items():
    if target == 'gray' and grasps and ('rgb', grasps) in gains:
      of_rgb = gains['rgb', grasps]
      by_what = {'gray': gain, 'rgb': of_rgb, 'gray less that of rgb': gain - of_rgb}
      for what, value in by_what.items():
        given = results.counted(grasps, 'grasps')
        numbers[f'gain of {what} from {given} (nats per dimension)'] = value
  return numbers


def _from_one_sense(
  target: str, along: str, other: str, written: Mapping[str, Any]
) -> dict[float, float]:
  return {
    record[along]: record['log_likelihood']
    for record in written['density']
    if record['target'] == target and record[other] == 0
  }


MODE = Evaluation(
  name='density',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=_tables,
  notes=_notes,
  figures=_figures,
  measured_on=_measured_on,
  headlines=_headlines,
  panels=[
    Panel(
      f'{target} from {along} alone',
      f'{along} given',
      'nats per dimension',
      functools.partial(_from_one_sense, target, along, other),
    )
    for target, along, other in (
      ('rgb', 'grasps', 'images'),
      ('gray', 'grasps', 'images'),
      ('haptic', 'images', 'grasps'),
    )
  ],
)
