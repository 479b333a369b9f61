"""Sums densities and coverage up over scenes: a record per target and context.

Dims: B scenes, S contexts.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.evaluation import baselines, held_out, results
from experiments.evaluation.blocks import Block
from experiments.evaluation.density_records import (
  Coverage,
  Density,
  Given,
  Target,
  TwoBounds,
  WithoutModel,
)
from experiments.evaluation.held_out import LEVELS, Question
from experiments.evaluation.scenes import stack_scenes
from gmn_jax.senses import cut_scenes, senses_of
from gmn_jax.training.checkpoint import Run
from tfds_mese.dataset import Dataset


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

  def of(field: str) -> np.ndarray:
    return measured[f'{target.name}/{field}']

  density_BS = of('log_likelihood') / dimensions
  parts = {
    'log_likelihood': results.mean_and_error(density_BS),
    'elbo': results.mean_and_error(of('elbo') / dimensions),
    'effective_samples': results.mean_and_error(of('effective_samples')),
  }
  nothing = [i for i, of_sense in enumerate(given) if not any(count for _, count in of_sense)]
  if nothing:
    (of_nothing,) = nothing
    parts['gain'] = results.mean_and_error(density_BS - density_BS[:, [of_nothing]])
  records = []
  for i, of_sense in enumerate(given):
    numbers = _means_and_errors(parts, i)
    if target.sense.levels > 1:
      numbers['log_likelihood_255'] = numbers['log_likelihood'] - math.log(target.sense.levels)
    if f'{target.name}/acceptance' in measured:
      numbers['acceptance'] = float(of('acceptance')[:, i].mean())
    records.append(
      Density(
        target.name,
        dict(of_sense),
        std=target.likelihood.std,
        constant=highest_density(target.likelihood.std),
        scatter=float(np.sqrt(np.mean(of('scatter')[:, i] ** 2))),
        by_scene=density_BS[:, i].tolist(),
        **numbers,
      )
    )
  return records


def bounds_records(
  target: Target,
  measured: Block,
  given: Mapping[Given, tuple[int, ...]],
  held_out_views: int,
) -> list[TwoBounds]:
  """A record per context, of `<target>/lower` and `/upper`; arguments as of `density_records`."""
  dimensions = held_out_views * target.size
  lower_BS, upper_BS = (measured[f'{target.name}/{side}'] for side in ('lower', 'upper'))
  parts = {
    'lower': results.mean_and_error(lower_BS / dimensions),
    'upper': results.mean_and_error(upper_BS / dimensions),
    'gap': results.mean_and_error(upper_BS - lower_BS),
  }
  return [
    TwoBounds(target.name, dict(of_sense), scenes=len(lower_BS), **_means_and_errors(parts, i))
    for i, of_sense in enumerate(given)
  ]


def highest_density(std: float) -> float:
  """-1/2 log 2 pi std^2: the density of a Gaussian where it meets the truth, nats per dimension."""
  return -0.5 * math.log(2 * math.pi * std**2)


def _means_and_errors(
  parts: Mapping[str, tuple[np.ndarray, np.ndarray]], i: int
) -> dict[str, float]:
  """Of context `i`, by the names of a record's fields."""
  means = {field: float(mean[i]) for field, (mean, _) in parts.items()}
  return means | {f'{field}_error': float(error[i]) for field, (_, error) in parts.items()}


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
