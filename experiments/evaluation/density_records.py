"""What was measured of densities and coverage, as records: one per target and context, with means
and standard errors over scenes.

Dims: B scenes, S contexts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.evaluation import baselines, held_out, results
from experiments.evaluation.blocks import Block
from experiments.evaluation.contexts import KINDS
from experiments.evaluation.held_out import Question
from experiments.evaluation.scenes import stack_scenes
from gmn_jax.inference import Likelihood, importance
from gmn_jax.senses.batch import cut_scenes
from gmn_jax.senses.modality import Modality
from gmn_jax.training.checkpoint import Run
from tfds_mese.dataset import Dataset

# Of the predictive intervals.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Target(NamedTuple):
  """What the density is of.

  Attributes:
    name: 'gray', 'rgb' or 'haptic'.
    kind: the modalities asked for.
    likelihood: the scale on which they are measured.
    size: how many numbers one view of all of them holds.
  """

  name: str
  kind: str
  likelihood: Likelihood
  size: int


def targets_of(modalities: Sequence[Modality], std: float) -> list[Target]:
  """Gray, where modalities have all three colours; colour; and haptics."""
  sizes = {kind: sum(m.size for m in modalities if m.kind == kind) for kind in KINDS}
  colours = {m.shape[-1] for m in modalities if m.kind == 'image'}
  gray = Target('gray', 'image', Likelihood(std, gray=True), sizes['image'] // 3)
  return [
    *([gray] if colours == {3} else []),
    Target('rgb', 'image', Likelihood(std), sizes['image']),
    Target('haptic', 'haptic', Likelihood(std), sizes['haptic']),
  ]


def density_records(
  target: Target,
  measured: Block,
  given: Mapping[tuple[int, int], tuple[int, ...]],
  held_out_views: int,
) -> list[dict[str, float | str]]:
  """A record per context, in nats per dimension; images also on [0, 255]. The gain is over no
  context, scene by scene: its error is that of the difference.

  Args:
    target: what the density is of.
    measured: `<target>/<field of Estimate>`, (B, S), nats and numbers.
    given: the S contexts, by images and grasps.
    held_out_views: how many views the density is of.
  """
  dimensions = held_out_views * target.size
  parts = {
    field: results.mean_and_error(measured[f'{target.name}/{field}'] / scale)
    for field, scale in zip(importance.Estimate._fields, (dimensions, dimensions, 1), strict=True)
  }
  if (0, 0) in given:
    of_nothing = list(given).index((0, 0))
    density_BS = measured[f'{target.name}/log_likelihood'] / dimensions
    parts['gain'] = results.mean_and_error(density_BS - density_BS[:, [of_nothing]])
  records = []
  for i, (images, grasps) in enumerate(given):
    record = {'target': target.name, 'images': images, 'grasps': grasps}
    for field, (mean, error) in parts.items():
      record |= {field: float(mean[i]), f'{field}_error': float(error[i])}
    if target.kind == 'image':
      record['log_likelihood_255'] = record['log_likelihood'] - math.log(255)
    records.append(record)
  return records


def records_without_model(
  run: Run,
  dataset: Dataset,
  scenes: Sequence[dict[str, np.ndarray]],
  targets: Sequence[Target],
  held_out_views: int,
  train_scenes: int,
) -> list[dict[str, float | str]]:
  """The densities of Gaussians about the mean training view and that of nearest pose."""
  views = cut_scenes(run.model.modalities, stack_scenes(scenes), run.haptic_range)
  records = []
  for kind in KINDS:
    truth = held_out.asked_of(run.model, views, Question((), kind, held_out_views))
    predicted = baselines.predict(
      run, dataset.splits['train'], truth.queries, train_scenes
    )._asdict()
    for target in (target for target in targets if target.kind == kind):
      for name, means in predicted.items():
        density = sum(
          target.likelihood.log_density(m.kind, sense, mean).sum(axis=1)
          for m, sense, mean in zip(run.model.modalities, truth.senses, means, strict=True)
          if m.kind == kind
        )
        mean, error = results.mean_and_error(np.asarray(density) / (held_out_views * target.size))
        records.append(
          {
            'target': target.name,
            'predictor': f'{name} training view',
            'log_likelihood': float(mean),
            'log_likelihood_error': float(error),
          }
        )
  return records


def coverage_records(
  kind: str, measured: Block, sizes: Sequence[int]
) -> list[dict[str, float | str]]:
  """A record per level and context size."""
  mean, error = results.mean_and_error(measured[f'{kind}/coverage'])
  return [
    {
      'kind': kind,
      'views_of_each': size,
      'level': level,
      'coverage': float(mean[i, j]),
      'coverage_error': float(error[i, j]),
    }
    for i, level in enumerate(LEVELS)
    for j, size in enumerate(sizes)
  ]
