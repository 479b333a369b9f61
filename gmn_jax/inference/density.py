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
def log_importance_weight(
  model: GMN,
  params,
  context: Seen,
  target: Seen,
  truth: Views,
  noise: Noise,
  likelihoods: tuple[Likelihood, ...] = (COLOURS,),
  asked_NMW: Array | None = None,
) -> Array:
  """log w = log p(X | V, z) + log p(z | C) - log q(z | C, O), z ~ q, nats, a row per likelihood
  (., N).

  Args:
    model: the network.
    params: its parameters.
    context: N contexts C.
    target: N targets O, what the posterior sees besides.
    truth: the views V, X that are rendered and compared, (N, W, ...) per modality; W may differ
      between modalities, and be 0.
    noise: draws the latents, as from `noise_from`.
    likelihoods: the scales on which views are measured, all of the same z.
    asked_NMW: bool, which of the views in `truth` count; None: all.
  """
  encoded, given_1NM1 = _as_views(context)
  of_target, asked_1NM1 = _as_views(target)
  both = tuple(jnp.concatenate(pair, axis=1) for pair in zip(encoded, of_target, strict=True))
  nothing = jnp.zeros_like(given_1NM1)
  episodes = Episodes(
    jnp.concatenate([given_1NM1, nothing], axis=-1), jnp.concatenate([nothing, asked_1NM1], axis=-1)
  )
  draw = apply(model, params, both, episodes, noise, method='sample_posterior')
  means = render(model, params, draw.z, truth.queries)
  assert draw.posterior is not None  # From which z was sampled.
  log_ratio = gaussians.log_density(draw.z, *draw.prior) - gaussians.log_density(
    draw.z, *draw.posterior
  )
  log_ratio_N = log_ratio.sum(axis=(1, 2, 3, 4)) + draw.representation_log_weight
  log_weights = []
  for likelihood in likelihoods:
    log_weight_N = log_ratio_N
    for m, modality in enumerate(model.modalities):
      density_NW = likelihood.log_density(modality.sense, truth.senses[m], means[m])
      counts = True if asked_NMW is None else asked_NMW[:, m]
      log_weight_N += jnp.sum(density_NW, axis=1, where=counts)
    log_weights.append(log_weight_N)
  return jnp.stack(log_weights)


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
  context, target = sets.pick(slice(scenes)), sets.pick(slice(scenes, None))

  def log_weight(noise: Noise) -> Array:
    likelihoods = (likelihood,)
    return log_importance_weight(
      model, params, context, target, views, noise, likelihoods, target_BMV
    )[0]

  if isinstance(key, Noise):
    noise = key
  else:
    noise = jax.vmap(lambda k: sample_noise(model, k, scenes))(jax.random.split(key, samples))
  return jax.lax.map(log_weight, noise)
