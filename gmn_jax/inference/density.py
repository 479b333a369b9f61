"""How likely views are, given others: log importance weights of samples of the posterior.

Contexts and targets are paired at will, each view encoded once.

Dims: S masks, B scenes, N pairs of a context and a target, M modalities, V views, W views asked
for, K samples, h w latent grid, R representation channels.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.inference.generation import Key, render
from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.model import GMN, Draw, Episodes, Noise, apply, gaussians, sample_noise, sum_views
from gmn_jax.senses.sense import Sense
from gmn_jax.senses.views import Views

Array = jax.Array


class Likelihood(NamedTuple):
  """On which scale views are measured; the Gaussian's standard deviation is on that scale.

  Attributes:
    std: standard deviation of every number.
    levels: of senses in bytes: 1, numbers in [0, 1]; 255, in [0, 255]. Others are measured as
      scaled.
    gray: of senses with colours: compare HSV values, the maximum over the channels, instead.
  """

  std: float = 1.0
  levels: int = 1
  gray: bool = False

  def log_density(self, sense: Sense, truth: Array, mean: Array) -> Array:
    """log p(truth | mean) of whole views, (B, V, ...) to (B, V), nats, every constant in place."""
    truth, mean = (sense.measured(x, self.levels, self.gray) for x in (truth, mean))
    logvar = jnp.full((), 2 * math.log(self.std), mean.dtype)
    return gaussians.log_density(truth, mean, logvar).sum(axis=range(2, truth.ndim))


COLOURS = Likelihood()


class Seen(NamedTuple):
  """What N sets of views tell the model, so that contexts and targets can be paired at will, each
  view encoded once.

  Attributes:
    sums: per modality the sum of the views' encodings, (N, h, w, R).
    any_NM: bool, whether the set holds a view of the modality.
  """

  sums: tuple[Array, ...]
  any_NM: Array

  def pick(self, which) -> 'Seen':
    """The sets that an index of N picks, a slice or an array."""
    return jax.tree.map(lambda leaf: leaf[which], self)


class Posed(NamedTuple):
  """N questions: how likely are these views, given those?

  Attributes:
    context: N contexts C.
    target: N targets O, what the posterior sees besides.
    truth: the views V, X that are rendered and compared, (N, W, ...) per modality; W may differ
      between modalities, and be 0.
  """

  context: Seen
  target: Seen
  truth: Views


@takes_numpy
def summarise(model: GMN, params, views: Views, mask_SBMV: Array) -> Seen:
  """What the views in each mask tell, N = S B, S-major."""
  encoded = apply(model, params, views, method='encode')
  sums = [sum_views(r, mask_SBMV[:, :, m]) for m, r in enumerate(encoded)]
  any_NM = mask_SBMV.any(axis=-1).reshape(-1, mask_SBMV.shape[2])
  return Seen(tuple(r.reshape(-1, *r.shape[2:]) for r in sums), any_NM)


@takes_numpy
def sample_prior_given(model: GMN, params, context: Seen, noise: Noise) -> Draw:
  """z from the prior given N contexts; noise as from `noise_from`."""
  return apply(model, params, *_as_views(context), noise, method='sample_prior')


@takes_numpy
def sample_posterior_given(
  model: GMN, params, context: Seen, target: Seen, noise: Noise, from_prior_N: Array | None = None
) -> tuple[Draw, Array]:
  """z from the posterior given N contexts and targets, or from the prior where `from_prior_N`.

  Returns:
    The draw, with both beliefs, and log p(z | C) - log q(z | C, O), nats, (N,).
  """
  encoded, given_1NM1 = _as_views(context)
  of_target, asked_1NM1 = _as_views(target)
  both = tuple(jnp.concatenate(pair, axis=1) for pair in zip(encoded, of_target, strict=True))
  nothing = jnp.zeros_like(given_1NM1)
  episodes = Episodes(
    jnp.concatenate([given_1NM1, nothing], axis=-1), jnp.concatenate([nothing, asked_1NM1], axis=-1)
  )
  draw = apply(model, params, both, episodes, noise, from_prior_N, method='sample_posterior')
  assert draw.posterior is not None  # From which z was sampled.
  log_ratio = gaussians.log_density(draw.z, *draw.prior) - gaussians.log_density(
    draw.z, *draw.posterior
  )
  return draw, log_ratio.sum(axis=(1, 2, 3, 4)) + draw.representation_log_weight


@takes_numpy
def log_importance_weight(
  model: GMN,
  params,
  posed: Posed,
  noise: Noise,
  likelihoods: tuple[Likelihood, ...] = (COLOURS,),
  asked_NMW: Array | None = None,
  prior_share: float = 0.0,
  from_prior_N: Array | None = None,
) -> Array:
  """log w = log p(X | V, z) + log p(z | C) - log q(z), nats, a row per likelihood (., N).

  Args:
    model: the network.
    params: its parameters.
    posed: the N questions.
    noise: draws the latents, as from `noise_from`.
    likelihoods: the scales on which views are measured, all of the same z.
    asked_NMW: bool, which of the views in `posed.truth` count; None: all.
    prior_share: of the prior p(z | C) in the proposal q(z), a number; the rest is of the posterior
      q(z | C, O).
    from_prior_N: bool, where z is drawn from the prior, so many as its share; None: nowhere.
  """
  truth = posed.truth
  draw, log_ratio_N = sample_posterior_given(
    model, params, posed.context, posed.target, noise, from_prior_N
  )
  means = render(model, params, draw.z, truth.queries)
  log_ratio_N -= _log_mixture(prior_share, log_ratio_N)
  log_weights = []
  for likelihood in likelihoods:
    log_weight_N = log_ratio_N
    for m, modality in enumerate(model.modalities):
      density_NW = likelihood.log_density(modality.sense, truth.senses[m], means[m])
      counts = True if asked_NMW is None else asked_NMW[:, m]
      log_weight_N += jnp.sum(density_NW, axis=1, where=counts)
    log_weights.append(log_weight_N)
  return jnp.stack(log_weights)


def _log_mixture(prior_share: float, log_ratio: Array) -> Array:
  """log of the proposal's density over the posterior's, of latents with this log p - log q."""
  if prior_share == 0:
    return jnp.zeros_like(log_ratio)
  if prior_share == 1:
    return log_ratio
  return jnp.logaddexp(math.log(1 - prior_share), math.log(prior_share) + log_ratio)


def _as_views(seen: Seen) -> tuple[tuple[Array, ...], Array]:
  """Encodings as of one view per set and modality, and the mask (1, N, M, 1) of those there are."""
  return tuple(r[:, None] for r in seen.sums), seen.any_NM[None, :, :, None]


@takes_numpy
def log_importance_weights(
  model: GMN,
  params,
  views: Views,
  context_BMV: Array,
  target_BMV: Array,
  key: Key,
  samples: int,
  likelihood: Likelihood = COLOURS,
) -> Array:
  """`log_importance_weight` of K samples and one episode per scene, (K, B).

  logsumexp over k - log K estimates log p(X | V, C) from below (Burda et al. 2016);
  `importance.estimate` does it for any number of samples.

  Args:
    model: the network.
    params: its parameters.
    views: the scenes.
    context_BMV: bool, the views in C.
    target_BMV: bool, the views in X, V.
    key: a PRNG key; or noise with a leading axis K.
    samples: K.
    likelihood: the scale on which views are measured.
  """
  scenes = len(context_BMV)
  sets = summarise(model, params, views, jnp.stack([context_BMV, target_BMV]))
  posed = Posed(sets.pick(slice(scenes)), sets.pick(slice(scenes, None)), views)

  def log_weight(noise: Noise) -> Array:
    return log_importance_weight(model, params, posed, noise, (likelihood,), target_BMV)[0]

  if isinstance(key, Noise):
    noise = key
  else:
    noise = jax.vmap(lambda k: sample_noise(model, k, scenes))(jax.random.split(key, samples))
  return jax.lax.map(log_weight, noise)
