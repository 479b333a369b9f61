"""Where to sense next: how much a view from each of many poses is expected to tell.

K scenes are imagined from the belief, and sensed at every candidate pose and at the poses that
matter. A view is worth asking for where the K disagree by more than its noise.

Dims: K samples, Q candidates, W queries that matter, D and G numbers of views, M modalities, C
channels, h w latent grid, Z latent channels per step, T draw steps.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.inference.density import Seen, sample_posterior_given, sample_prior_given
from gmn_jax.inference.generation import noise_from, render
from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.model import GMN, apply, gaussians
from gmn_jax.senses.query import QUERY_SIZE
from gmn_jax.senses.sense import senses_of
from gmn_jax.senses.views import Views
from mese_env.errors import UserError

Array = jax.Array
# The modalities, by index, that one view of a kind has: those of a sense, or some of them.
Kind = tuple[int, ...]


class Choice(NamedTuple):
  """What may be sensed next, and what for.

  Attributes:
    queries: of each kind of view its candidates, embedded, (Q, 7); Q may differ between kinds.
    targets: per modality the queries that matter, embedded, (W, 7); W may be 0. Only the score
      'goal' asks for them.
    std: per modality the standard deviation of what is sensed around what a sample predicts, on the
      scale of the model, by channel or alike for all, (C,) or (1,).
  """

  queries: tuple[Array, ...]
  targets: tuple[Array, ...]
  std: tuple[Array, ...]


class Imagined(NamedTuple):
  """What the scores read: K scenes imagined from the belief.

  Attributes:
    model: the network.
    params: its parameters.
    seen: the belief's views, N = 1.
    choice: what may be sensed.
    candidates: per modality the means (K, Q, *modality.shape), Q of its kind.
    target_KG: the means of what matters, in units of the noise of their sense (`_targets`).
    key: of what is drawn besides.
  """

  model: GMN
  params: Any
  seen: Seen
  choice: Choice
  candidates: tuple[Array, ...]
  target_KG: Array
  key: Array

  def in_noise(self, kind: Kind) -> Array:
    """The candidates of a kind, in units of the noise of every number, (K, Q, D)."""
    parts = [self.candidates[m] / self.choice.std[m] for m in kind]
    return jnp.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)


@dataclasses.dataclass(frozen=True)
class Score:
  """One way to say what a view is expected to tell.

  Attributes:
    name: in options and results.
    unit: of its numbers.
    of_kind: the scores (Q,) of the candidates of a kind, of which there are `Choice.queries[i]`.
    aims: whether it needs queries that matter.
  """

  name: str
  unit: str
  of_kind: Callable[[Imagined, Kind, int], Array]
  aims: bool = False


@takes_numpy
def information(predicted_KQD: Array) -> Array:
  """The mutual information of each of Q views and the latents, nats, (Q,), were the view's
  distribution over the samples a Gaussian.

  It is 1/2 log det(I + F F^T / K), F (K, D) the predictions less their mean, in units of the noise.

  Args:
    predicted_KQD: the means of the views, from K samples of the latents, in units of the noise.
  """
  gram_QKK = _gram(predicted_KQD)
  samples = gram_QKK.shape[-1]
  return 0.5 * jnp.linalg.slogdet(jnp.eye(samples) + gram_QKK / samples)[1]


@takes_numpy
def fall_of_variance(predicted_KQD: Array, target_KG: Array) -> Array:
  """By how much each of Q views is expected to lower the variance of what matters, (Q,).

  The K samples stand for a Gaussian of views and targets. Conditioned on a view with unit noise,
  the trace of the targets' covariance falls by

      tr(G G^T (K I + F F^T)^-1 F F^T) / K,

  F (K, D) the predictions of the view and G (K, W) those of the targets, each less its mean.

  Args:
    predicted_KQD: as `information` takes them.
    target_KG: the means of what matters, in any unit; the fall is in its square.
  """
  gram_QKK = _gram(predicted_KQD)
  samples = gram_QKK.shape[-1]
  centred_KG = target_KG - target_KG.mean(axis=0)
  of_target_KK = centred_KG @ centred_KG.T
  told_QKK = jnp.linalg.solve(samples * jnp.eye(samples) + gram_QKK, gram_QKK)
  return jnp.einsum('kj,qjk->q', of_target_KK, told_QKK) / samples


def _divergence(imagined: Imagined, kind: Kind, place: int) -> Array:
  """Mean KL, nats, of the belief that knows an imagined view to the one that does not: K outcomes
  of each candidate are sensed, with noise, and encoded.
  """
  model, query_Q7 = imagined.model, imagined.choice.queries[place]
  key_sense, key_latents = jax.random.split(imagined.key)
  count = len(imagined.candidates[kind[0]]) * len(query_Q7)
  senses, queries = [], []
  for m, modality in enumerate(model.modalities):
    mean = imagined.candidates[m].reshape(1, -1, *modality.shape)
    noise = jax.random.normal(jax.random.fold_in(key_sense, m), mean.shape)
    of_kind = slice(None) if m in kind else slice(0)
    senses.append((mean + imagined.choice.std[m] * noise)[:, of_kind])
    repeated = jnp.broadcast_to(query_Q7, (count // len(query_Q7), *query_Q7.shape))
    queries.append(repeated.reshape(1, -1, QUERY_SIZE)[:, of_kind])
  encoded = apply(model, imagined.params, Views(tuple(senses), tuple(queries)), method='encode')
  context = jax.tree.map(lambda x: jnp.repeat(x, count, axis=0), imagined.seen)
  of_view = tuple(
    e[0] if m in kind else jnp.zeros_like(s)
    for m, (e, s) in enumerate(zip(encoded, context.sums, strict=True))
  )
  is_sensed = jnp.array([m in kind for m in range(len(encoded))])
  view = Seen(of_view, jnp.broadcast_to(is_sensed, context.any_NM.shape))
  noise = noise_from(model, key_latents, count)
  draw, _ = sample_posterior_given(model, imagined.params, context, view, noise)
  assert draw.posterior is not None and draw.representation_kl is not None
  divergence = gaussians.divergence(*draw.posterior, *draw.prior).sum(axis=(1, 2, 3, 4))
  return (divergence + draw.representation_kl).reshape(-1, len(query_Q7)).mean(axis=0)


GAUSSIAN = Score('gaussian', 'nats', lambda of, kind, _: information(of.in_noise(kind)))
GOAL = Score(
  'goal',
  'variances of the noise',
  lambda of, kind, _: fall_of_variance(of.in_noise(kind), of.target_KG),
  aims=True,
)
# What the other two stand for; it takes some hundred times their time.
KL = Score('kl', 'nats', _divergence)
SCORES: Mapping[str, Score] = {score.name: score for score in (GAUSSIAN, GOAL, KL)}


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def weigh(
  model: GMN,
  score: Score,
  kinds: tuple[Kind, ...],
  samples: int,
  params: Any,
  seen: Seen,
  choice: Choice,
  key: Array,
) -> tuple[Array, ...]:
  """What a view from each candidate is expected to tell, (Q,) of each kind; compiled once for its
  shapes.

  Args:
    model: the network.
    score: one of `SCORES`.
    kinds: of which modalities a view of each kind is.
    samples: K, at least 2.
    params: the model's.
    seen: what is known of the scene, N = 1.
    choice: the candidates, of which each kind has one or more.
    key: decides the samples, as `inference.noise_from` does.
  """
  many = jax.tree.map(lambda x: jnp.repeat(x, samples, axis=0), seen)
  z_KThwZ = sample_prior_given(model, params, many, noise_from(model, key, samples)).z
  queries = [jnp.zeros((0, QUERY_SIZE))] * len(model.modalities)
  for kind, query_Q7 in zip(kinds, choice.queries, strict=True):
    for m in kind:
      queries[m] = query_Q7
  targets = choice.targets if score.aims else tuple(q[:0] for q in choice.targets)
  both = tuple(
    jnp.broadcast_to(pair, (samples, *pair.shape))
    for pair in map(jnp.concatenate, zip(queries, targets, strict=True))
  )
  means = render(model, params, z_KThwZ, both)
  candidates = tuple(mean[:, : len(q)] for mean, q in zip(means, queries, strict=True))
  imagined = Imagined(
    model,
    params,
    seen,
    choice,
    candidates,
    _targets(model, [mean[:, len(q) :] for mean, q in zip(means, queries, strict=True)], choice),
    jax.random.fold_in(key, 1),
  )
  return tuple(score.of_kind(imagined, kind, place) for place, kind in enumerate(kinds))


def best(gains: Sequence[Array | np.ndarray], prices: Sequence[float]) -> tuple[int, int]:
  """The kind and the place of the candidate that tells most for its price; none where -inf.

  Args:
    gains: of each kind the scores of its candidates, all in one unit.
    prices: of a view of each kind, above 0. A loss counts more the dearer the view.

  Raises:
    UserError: a price is not a finite number above 0.
  """
  for price in prices:
    if not 0 < price < math.inf:
      raise UserError(f'a price is {price}; give a number above 0.')
  worth = [
    np.where(np.asarray(gain) > 0, np.asarray(gain) / price, np.asarray(gain) * price)
    for gain, price in zip(gains, prices, strict=True)
  ]
  kind = int(np.argmax([of.max() for of in worth]))
  return kind, int(worth[kind].argmax())


def _gram(predicted_KQD: Array) -> Array:
  centred_KQD = predicted_KQD - predicted_KQD.mean(axis=0)
  return jnp.einsum('kqd,jqd->qkj', centred_KQD, centred_KQD)


def _targets(model: GMN, means: Sequence[Array], choice: Choice) -> Array:
  """What matters, (K, G): every sense counts alike, however many numbers it has, and is measured
  in units of its own noise; within a sense all numbers count alike.
  """
  asked = [m for m, mean in enumerate(means) if mean.shape[1]]
  senses, parts = senses_of([model.modalities[m] for m in asked]), []
  for sense in senses:
    flat = {
      m: means[m].reshape(len(means[m]), -1) for m in asked if model.modalities[m].sense == sense
    }
    of_noise = sum(jnp.mean(choice.std[m] ** 2) * x.shape[1] for m, x in flat.items())
    parts += [x / jnp.sqrt(of_noise * len(senses)) for x in flat.values()]
  return jnp.concatenate(parts, axis=1) if parts else jnp.zeros((len(means[0]), 0))
