"""What is measured of a block of scenes: densities, coverage, and both bounds of imagined views.

Dims: B scenes, S contexts, L likelihoods.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.evaluation import held_out
from experiments.evaluation.blocks import Block
from experiments.evaluation.density_records import Given, Target, has_two_bounds
from experiments.evaluation.estimators import estimator_of
from experiments.evaluation.held_out import Question
from gmn_jax.inference import importance
from gmn_jax.senses import Sense
from gmn_jax.training.checkpoint import Run


class Measuring(NamedTuple):
  """What is asked of raw scenes.

  Attributes:
    run: whose densities are measured.
    targets: what they are of.
    given: the S contexts.
    sizes: the context sizes, of every modality alike, for which coverage is measured.
    options: of `--mode=density`.
    std: of the likelihood.
  """

  run: Run
  targets: Sequence[Target]
  given: Mapping[Given, tuple[int, ...]]
  sizes: Sequence[int]
  options: Any
  std: float

  @property
  def senses(self) -> tuple[Sense, ...]:
    """Those that targets are of."""
    return tuple(dict.fromkeys(target.sense for target in self.targets))


def make_measure(
  measuring: Measuring,
) -> Callable[[Mapping[str, np.ndarray], jax.Array, int], Block]:
  """What measures B raw scenes with a key, and imagines views in so many of them, the first ones.

  It compiles when it is first called. It returns, scenes leading, `<target>/<what an estimator
  yields>` (B, S) in nats and numbers, `<target>/lower` and `/upper` of imagined views likewise, and
  `<sense>/coverage` (B, levels, sizes).
  """
  run, options = measuring.run, measuring.options

  def within_memory(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    function = functools.partial(function, model=run.model, **fixed)
    return importance.within_memory(function, options.memory_gib * 2**30, estimator.count)

  def question(sense: Sense, targets: Sequence[Target]) -> Question:
    likelihoods = tuple(target.likelihood for target in targets)
    return Question(tuple(measuring.given.values()), sense, options.held_out, likelihoods)

  estimator = estimator_of(options)
  estimate = {
    sense: within_memory(
      held_out.estimate_density,
      question=question(sense, [t for t in measuring.targets if t.sense == sense]),
      estimator=estimator,
    )
    for sense in measuring.senses
  }
  bound = {
    target: within_memory(
      held_out.bound_imagined,
      question=question(target.sense, [target]),
      annealing=estimator.annealing,
    )
    for target in measuring.targets
    if estimator.annealing and has_two_bounds(target)
  }
  cover = {sense: _coverer(measuring, sense) for sense in measuring.senses}

  def measure(raw: Mapping[str, np.ndarray], key: jax.Array, imagined: int) -> Block:
    measured = {}
    keys = jax.random.split(key, len(measuring.senses))
    for sense, key_sense in zip(measuring.senses, keys, strict=True):
      key_density, key_cover = jax.random.split(key_sense)
      estimated = estimate[sense](run.params, raw, run.ranges, key_density)
      names = [target.name for target in measuring.targets if target.sense == sense]
      for field, value_LSB in estimated.items():
        for name, value_SB in zip(names, np.asarray(value_LSB), strict=True):
          measured[f'{name}/{field}'] = value_SB.T
      covered = cover[sense](run.params, raw, run.ranges, key_cover)
      measured[f'{sense}/coverage'] = np.moveaxis(np.asarray(covered), -1, 0)
    keys = jax.random.split(jax.random.fold_in(key, 1), max(1, len(bound)))
    for (target, bounds_of), key_bound in zip(bound.items(), keys, strict=False):
      for side in ('lower', 'upper'):
        measured[f'{target.name}/{side}'] = np.zeros((0, len(measuring.given)))
      if imagined:
        for side, value_SB in bounds_of(run.params, raw, run.ranges, key_bound)._asdict().items():
          measured[f'{target.name}/{side}'] = np.asarray(value_SB).T[:imagined]
    return measured

  return measure


def _coverer(measuring: Measuring, sense: Sense) -> Callable[..., jax.Array]:
  modalities = measuring.run.model.modalities
  there = [m for m in modalities if m.sense in measuring.senses]
  alike = tuple(tuple(size if m in there else 0 for m in modalities) for size in measuring.sizes)
  options = measuring.options
  return jax.jit(
    functools.partial(
      held_out.cover,
      model=measuring.run.model,
      question=Question(alike, sense, options.held_out),
      std=measuring.std,
      samples=options.samples,
    )
  )
