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
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from experiments.evaluation import blocks, density_tables, held_out, results
from experiments.evaluation.contexts import KINDS
from experiments.evaluation.density_records import (
  LEVELS,
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
from tfds_mese.dataset import Dataset


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


def evaluate(
  run: Run, dataset: Dataset, workdir: pathlib.Path, options: Options
) -> results.Results:
  """Measures densities and the coverage of predictive intervals.

  Writes `density.json`, `.txt`, `.png` (the densities) and `density-calibration.png`.

  Raises:
    UserError: an option asks for what the dataset does not have, or for too little memory.
  """
  began = time.monotonic()
  std = options.std or run.config.std
  scenes = first_scenes(dataset, options.split, options.scenes)
  given = contexts_of(options, run.model.modalities, views=len(scenes[0]['images']))
  folder = workdir / 'cache' / f'density-{blocks.fingerprint(run, [dataset], options)}'
  targets = targets_of(run.model.modalities, std)
  measure = _measure(run, targets, given, options, std)

  def compute(number: int) -> blocks.Block:
    chosen = scenes[number * options.batch : (number + 1) * options.batch]
    # A last, short block is filled up, so that it has the others' shape.
    filled = stack_scenes(chosen + chosen[-1:] * (options.batch - len(chosen)))
    measured = measure(filled, jax.random.fold_in(jax.random.key(options.seed), number))
    return {name: value[: len(chosen)] for name, value in measured.items()}

  measured = blocks.in_blocks(folder, math.ceil(len(scenes) / options.batch), compute)
  numbers = {
    'unit': 'nats per dimension',
    'std': std,
    # Of any Gaussian of this std, where it meets the truth.
    'highest': -0.5 * math.log(2 * math.pi * std**2),
    'density': [
      record
      for target in targets
      for record in density_records(target, measured, given, options.held_out)
    ],
    'without_model': records_without_model(
      run, dataset, scenes, targets, options.held_out, options.train_scenes
    ),
    'coverage': [
      record for kind in KINDS for record in coverage_records(kind, measured, _sizes(options))
    ],
  }
  found = results.Results(
    mode='density',
    run=run,
    options=options,
    dataset=[run.config.dataset],
    numbers=numbers,
    tables=density_tables.tables(numbers, options.images, options.grasps),
    notes=_notes(
      targets, [record['effective_samples'] for record in numbers['density']], options, std
    ),
    seconds=time.monotonic() - began,
  )
  of_what = (
    f'{run.config.variant}, {run.config.modalities}, {run.config.preset}, step {run.step:,}; '
    f'{options.scenes} scenes of {run.config.dataset} ({options.split}), K = {options.samples}'
  )
  figures = {
    '': density_figures.draw_density(numbers, of_what),
    'calibration': density_figures.draw_coverage(numbers, of_what),
  }
  results.write(found, figures, workdir)
  blocks.forget(folder)
  return found


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
    function = functools.partial(
      held_out.weigh,
      model=run.model,
      question=Question(tuple(given.values()), kind, options.held_out),
      likelihoods=tuple(target.likelihood for target in targets if target.kind == kind),
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
        levels=LEVELS,
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


def _notes(
  targets: Sequence[Target], effective: Sequence[float], options: Options, std: float
) -> list[str]:
  notes = [
    f'log p(X | V, C) of the last {options.held_out} views, nats per dimension: the importance-'
    f'weighted bound with K = {options.samples}, likelihood std {std:g}; means and standard errors '
    f'over {options.scenes} scenes of {options.split!r}.',
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
  if 'gray' not in [target.name for target in targets]:
    notes.append('No gray: no modality has all three colours, whose maximum it is.')
  return notes
