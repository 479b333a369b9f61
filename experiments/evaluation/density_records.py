"""What was measured of densities and coverage, as records: one per target and context, with means
and standard errors over scenes. Their fields are those of `density.json`.

Dims: B scenes, S contexts.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.evaluation import baselines, held_out, results
from experiments.evaluation.blocks import Block
from experiments.evaluation.held_out import LEVELS, Question
from experiments.evaluation.scenes import stack_scenes
from gmn_jax.inference import Likelihood, importance
from gmn_jax.senses import Modality, Sense, cut_scenes, senses_of
from gmn_jax.training.checkpoint import Run
from tfds_mese.dataset import Dataset

# By the `views` of each sense, how many are given.
Given = tuple[tuple[str, int], ...]


class Target(NamedTuple):
  """What the density is of.

  Attributes:
    name: of a scale of the sense, such as 'gray', 'rgb' or 'haptic'.
    sense: whose modalities are asked for.
    likelihood: the scale on which they are measured.
    size: how many numbers one view of all of them holds.
  """

  name: str
  sense: Sense
  likelihood: Likelihood
  size: int


@dataclasses.dataclass(frozen=True)
class Density:
  """Of a target given a context, nats per dimension, each with its standard error over scenes.

  Attributes:
    target: the name of a `Target`.
    given: how many views of each sense, by the sense's `views`.
    log_likelihood: the importance-weighted bound.
    elbo: the evidence lower bound.
    effective_samples: how many of the K samples carry the estimate.
    gain: over no context, scene by scene: its error is that of the difference. None if no context
      was not asked for.
    log_likelihood_255: of images, on [0, 255].
  """

  target: str
  given: Mapping[str, int]
  log_likelihood: float
  log_likelihood_error: float
  elbo: float
  elbo_error: float
  effective_samples: float
  effective_samples_error: float
  gain: float | None = None
  gain_error: float | None = None
  log_likelihood_255: float | None = None


@dataclasses.dataclass(frozen=True)
class WithoutModel:
  """The density of a target, nats per dimension, that a predictor without a model gives it."""

  target: str
  predictor: str
  log_likelihood: float
  log_likelihood_error: float


@dataclasses.dataclass(frozen=True)
class Coverage:
  """The share of the numbers held out inside the predictive interval of a level.

  Attributes:
    kind: the sense asked for.
    views_of_each: how many views of every modality are given.
    level: probability of the interval.
    coverage: the share.
    coverage_error: its standard error over scenes.
  """

  kind: str
  views_of_each: int
  level: float
  coverage: float
  coverage_error: float


@dataclasses.dataclass(frozen=True)
class Densities:
  """All that was measured.

  Attributes:
    unit: of the densities.
    std: of the likelihood.
    highest: the density of any Gaussian of this std, where it meets the truth.
    density: a record per target and context.
    without_model: a record per target and predictor.
    coverage: a record per sense, level and context size.
  """

  unit: str
  std: float
  highest: float
  density: Sequence[Density]
  without_model: Sequence[WithoutModel]
  coverage: Sequence[Coverage]


def targets_of(modalities: Sequence[Modality], std: float) -> list[Target]:
  """Every scale of every sense: of images gray, where modalities have all colours, and colour."""
  targets = []
  for sense in senses_of(modalities):
    own = [m for m in modalities if m.sense == sense]
    size = sum(m.size for m in own)
    for scale in sense.scales(sense.name, [m.shape for m in own]):
      likelihood = Likelihood(std, gray=scale.gray)
      targets.append(Target(scale.name, sense, likelihood, size // scale.merged))
  return targets


def as_written(found: Densities) -> dict[str, Any]:
  """The numbers of `density.json`, where a record says by sense how many views are given."""
  written = dataclasses.asdict(found)
  for record in written['density']:
    given = record.pop('given')
    of = {name: number for name, number in record.items() if number is not None}
    record.clear()
    record |= {'target': of.pop('target'), **given, **of}
  return written


def density_records(
  target: Target,
  measured: Block,
  given: Mapping[Given, tuple[int, ...]],
  held_out_views: int,
) -> list[Density]:
  """A record per context.

  Args:
    target: what the density is of.
    measured: `<target>/<field of Estimate>`, (B, S), nats and numbers.
    given: the S contexts, by how many views of each sense they give.
    held_out_views: how many views the density is of.
  """
  dimensions = held_out_views * target.size
  parts = {
    field: results.mean_and_error(measured[f'{target.name}/{field}'] / scale)
    for field, scale in zip(importance.Estimate._fields, (dimensions, dimensions, 1), strict=True)
  }
  nothing = [i for i, of_sense in enumerate(given) if not any(count for _, count in of_sense)]
  if nothing:
    (of_nothing,) = nothing
    density_BS = measured[f'{target.name}/log_likelihood'] / dimensions
    parts['gain'] = results.mean_and_error(density_BS - density_BS[:, [of_nothing]])
  records = []
  for i, of_sense in enumerate(given):
    means = {field: float(mean[i]) for field, (mean, _) in parts.items()}
    errors = {f'{field}_error': float(error[i]) for field, (_, error) in parts.items()}
    if target.sense.levels > 1:
      means['log_likelihood_255'] = means['log_likelihood'] - math.log(target.sense.levels)
    records.append(Density(target.name, dict(of_sense), **means, **errors))
  return records


def records_without_model(
  run: Run,
  dataset: Dataset,
  scenes: Sequence[dict[str, np.ndarray]],
  targets: Sequence[Target],
  held_out_views: int,
  train_scenes: int,
) -> list[WithoutModel]:
  """The densities of Gaussians about the mean training view and that of nearest pose."""
  views = cut_scenes(run.model.modalities, stack_scenes(scenes, run.model.modalities), run.ranges)
  records = []
  asked = {target.sense for target in targets}
  for sense in (sense for sense in senses_of(run.model.modalities) if sense in asked):
    truth = held_out.asked_of(run.model, views, Question((), sense, held_out_views))
    predicted = baselines.predict(
      run, dataset.splits['train'], truth.queries, train_scenes
    )._asdict()
    for target in (target for target in targets if target.sense == sense):
      for name, means in predicted.items():
        density = sum(
          target.likelihood.log_density(sense, x, mean).sum(axis=1)
          for m, x, mean in zip(run.model.modalities, truth.senses, means, strict=True)
          if m.sense == sense
        )
        mean, error = results.mean_and_error(np.asarray(density) / (held_out_views * target.size))
        predictor = f'{name} training view'
        records.append(WithoutModel(target.name, predictor, float(mean), float(error)))
  return records


def coverage_records(kind: str, measured: Block, sizes: Sequence[int]) -> list[Coverage]:
  """A record per level and context size."""
  mean, error = results.mean_and_error(measured[f'{kind}/coverage'])
  return [
    Coverage(kind, size, level, float(mean[i, j]), float(error[i, j]))
    for i, level in enumerate(LEVELS)
    for j, size in enumerate(sizes)
  ]
