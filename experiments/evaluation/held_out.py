"""What a model makes of the views of a scene that are held out, given contexts of its other views.

Dims: B scenes, S contexts, N = S B of both (S-major), M modalities, V views, W views held out, L
likelihoods.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from experiments.evaluation.contexts import context_mask
from experiments.evaluation.estimators import Estimator
from gmn_jax import inference
from gmn_jax.inference import Likelihood, Posed, calibration, noise_space
from gmn_jax.inference.noise_space import Annealing, Bounds
from gmn_jax.model import GMN
from gmn_jax.senses import Ranges, Sense, Views, cut_scenes

Array = jax.Array
# Probabilities of the predictive intervals.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Question(NamedTuple):
  """What is given and what is asked for.

  Attributes:
    given: S contexts, each how many views of each modality, the first ones.
    sense: whose modalities are asked for.
    held_out: W, how many of their views, the last ones.
    likelihoods: L, the scales on which their density is measured.
  """

  given: tuple[tuple[int, ...], ...]
  sense: Sense
  held_out: int
  likelihoods: tuple[Likelihood, ...] = ()


def pose(model: GMN, params: Any, views: Views, question: Question) -> Posed:
  """The N questions: every context of a scene is asked for the same views, encoded once."""
  batch, count = views.queries[0].shape[:2]
  masks = [context_mask(counts, batch, count) for counts in question.given]
  asked_M1 = jnp.array([[m.sense == question.sense] for m in model.modalities])
  target_MV = asked_M1 & (jnp.arange(count) >= count - question.held_out)
  masks.append(jnp.broadcast_to(target_MV, masks[0].shape))
  sets = inference.summarise(model, params, views, jnp.stack(masks))
  scene_N = jnp.tile(jnp.arange(batch), len(question.given))
  truth = jax.tree.map(lambda x: x[scene_N], asked_of(model, views, question))
  return Posed(sets.pick(slice(len(scene_N))), sets.pick(len(scene_N) + scene_N), truth)


def asked_of(model: GMN, views: Views, question: Question) -> Views:
  """The views held out, (B, W, ...) of the modalities asked for, (B, 0, ...) of the others."""

  def last(part: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(
      x[:, x.shape[1] - (question.held_out if m.sense == question.sense else 0) :]
      for m, x in zip(model.modalities, part, strict=True)
    )

  return Views(last(views.senses), last(views.queries))


def estimate_density(
  params: Any,
  raw: Mapping[str, Array],
  ranges: Ranges,
  key: Array,
  *,
  model: GMN,
  question: Question,
  estimator: Estimator,
  chunk: int,
) -> dict[str, Array]:
  """Estimates the log-density of the views held out; what `Estimator.estimate` yields, (L, S, B).

  Args:
    params: the model's.
    raw: B scenes as `cut_scenes` takes them.
    ranges: of the training split.
    key: decides the samples.
    model: the network.
    question: what is given and asked for.
    estimator: what estimates.
    chunk: how many of its samples at once.
  """
  views = cut_scenes(model.modalities, raw, ranges)
  posed = pose(model, params, views, question)
  estimated = estimator.estimate(model, params, posed, question.likelihoods, key, chunk)
  by_context = (-1, len(question.given), len(views.queries[0]))
  return jax.tree.map(lambda x: x.reshape(by_context), estimated)


def bound_imagined(
  params: Any,
  raw: Mapping[str, Array],
  ranges: Ranges,
  key: Array,
  *,
  model: GMN,
  question: Question,
  annealing: Annealing,
  chunk: int,
) -> Bounds:
  """Both bounds of the density of views that the model imagines in their place, nats, (S, B).

  Arguments as of `estimate_density`; the question has one likelihood.
  """
  views = cut_scenes(model.modalities, raw, ranges)
  (likelihood,) = question.likelihoods
  posed = pose(model, params, views, question)
  bounds = noise_space.bounds_of_imagined(
    noise_space.Question(model, params, posed, likelihood), annealing, key, chunk
  )
  return jax.tree.map(lambda x: x.reshape(len(question.given), -1), bounds)


def cover(
  params: Any,
  raw: Mapping[str, Array],
  ranges: Ranges,
  key: Array,
  *,
  model: GMN,
  question: Question,
  std: float,
  samples: int,
) -> Array:
  """The share of the numbers held out that the predictive intervals hold, (LEVELS, S, B).

  Arguments as of `estimate_density`; `std` is that of the prediction around each sample.
  """
  views = cut_scenes(model.modalities, raw, ranges)
  context, _, truth = pose(model, params, views, question)

  def predict(key: Array) -> tuple[Array, ...]:
    noise = inference.noise_from(model, key, len(context.any_NM))
    draw = inference.sample_prior_given(model, params, context, noise)
    return inference.render(model, params, draw.z, truth.queries)

  u = calibration.transform(predict, truth.senses, std, key, samples)
  covered = calibration.coverage(u, jnp.array(LEVELS))
  return covered.reshape(len(LEVELS), len(question.given), -1)
