"""What a trained model is asked: infer a scene, generate its views, weigh or represent it.

Pure functions of (model, params, arrays, key). Wherever a key is taken, noise may be given in its
place.

Dims: S episodes of a scene, B scenes, N = S B episodes, M modalities, V views, K samples, T draw
steps, h w latent grid, R representation channels, Z latent channels per step.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax import gaussians
from gmn_jax.batch import Episodes, Views
from gmn_jax.expert import Draw
from gmn_jax.model import GMN, draw_noise

Array = jax.Array


Key = Array | tuple[Array, Array | None]


def latent_noise(
  model: GMN, key: Key, episodes: int, temperature: float = 1.0
) -> tuple[Array, Array | None]:
  """The noise that draws the latents of N episodes, times `temperature`: as the model takes it,
  after its other inputs.

  Args:
    model: the network.
    key: a PRNG key; or the noise for z; or that and, for a hierarchical model, the noise for the
      representations.
    episodes: N.
    temperature: the factor.
  """
  if isinstance(key, tuple):
    noise = key
  elif jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
    noise = draw_noise(model, key, episodes)
  else:
    noise = key, None
  return jax.tree.map(lambda x: temperature * x, noise)


def infer(
  model: GMN, params, views: Views, context_BMV: Array, key: Key, temperature: float = 1.0
) -> Draw:
  """Samples z from the prior given the context.

  Args:
    model: the network.
    params: its parameters.
    views: scenes; only the views in the context are read.
    context_BMV: bool, which views are given.
    key: as in `latent_noise`.
    temperature: scales the latent noise; 0 gives the mean of every step, 1 the model.
  """
  noise = latent_noise(model, key, len(context_BMV), temperature)
  encoded = model.apply({'params': params}, views, method='encode')
  return model.apply({'params': params}, encoded, context_BMV[None], *noise, method='imagine')


def generate(
  model: GMN,
  params,
  views: Views,
  context_BMV: Array,
  queries: tuple[Array, ...],
  key: Key,
  temperature: float = 1.0,
) -> tuple[Array, tuple[Array, ...]]:
  """Imagines a scene from a context and renders it at queries.

  Args:
    model: the network.
    params: its parameters.
    views: scenes; only the views in the context are read.
    context_BMV: bool, which views are given.
    queries: per modality the embedded queries to render, (B, V, 7); V may differ from the views',
      and be 0.
    key: as in `latent_noise`.
    temperature: as in `infer`.

  Returns:
    z (T, B, h, w, Z), and per modality the means (B, V, *modality.shape).
  """
  z = infer(model, params, views, context_BMV, key, temperature).z
  return z, render(model, params, z, queries)


def render(model: GMN, params, z_TBhwZ: Array, queries: tuple[Array, ...]) -> tuple[Array, ...]:
  """Per modality the means (B, V, *modality.shape) of the views of given latents at embedded
  queries (B, V, 7).
  """
  view_of = [jnp.ones((1, *query.shape[:2])) for query in queries]
  return model.apply({'params': params}, z_TBhwZ, view_of, queries, method='render')


class Likelihood(NamedTuple):
  """On which scale images are measured; the Gaussian's standard deviation is on that scale.

  Attributes:
    std: standard deviation of every pixel and haptic number.
    levels: 1, pixels in [0, 1]; 255, in [0, 255].
    gray: compare HSV values, the maximum over the colour channels, instead of colours.
  """

  std: float = 1.0
  levels: int = 1
  gray: bool = False

  def log_density(self, kind: str, sense: Array, mean: Array) -> Array:
    """log p(sense | mean) of whole views, (B, V, ...) to (B, V), nats, every constant in place."""
    if kind == 'image' and self.gray:
      sense, mean = sense.max(axis=-1), mean.max(axis=-1)
    if kind == 'image':
      sense, mean = sense * self.levels, mean * self.levels
    logvar = jnp.full((), 2 * math.log(self.std), mean.dtype)
    return gaussians.log_density(sense, mean, logvar).sum(axis=range(2, sense.ndim))


COLOURS = Likelihood()


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
  """log w_k = log p(X | V, z_k) + log p(z_k | C) - log q(z_k | C, O), z_k ~ q, nats, (K, B).

  logsumexp over k - log K estimates log p(X | V, C) from below (Burda et al. 2016).

  Args:
    model: the network.
    params: its parameters.
    views: the scenes.
    context_BMV: bool, the views in C.
    target_BMV: bool, the views in X, V.
    key: a PRNG key; or noise as in `latent_noise` with a leading axis K.
    samples: K.
    likelihood: the scale on which images are measured.
  """
  episodes = Episodes(context_BMV[None], target_BMV[None])
  encoded = model.apply({'params': params}, views, method='encode')

  view_of = jnp.moveaxis(episodes.target, 2, 0)

  def weigh(noise: tuple[Array, Array | None]) -> Array:
    draw = model.apply({'params': params}, encoded, episodes, *noise, method='infer')
    means = model.apply({'params': params}, draw.z, view_of, views.queries, method='render')
    log_ratio = gaussians.log_density(draw.z, *draw.prior) - gaussians.log_density(
      draw.z, *draw.posterior
    )
    log_weight = log_ratio.sum(axis=(0, 2, 3, 4)) + draw.representation_log_weight
    for m, modality in enumerate(model.modalities):
      density_BV = likelihood.log_density(modality.kind, views.senses[m], means[m])
      log_weight += jnp.sum(jnp.where(target_BMV[:, m], density_BV, 0), axis=1)
    return log_weight

  if not isinstance(key, tuple) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
    key = jax.vmap(lambda k: draw_noise(model, k, len(context_BMV)))(jax.random.split(key, samples))
  return jax.lax.map(weigh, latent_noise(model, key, len(context_BMV)))


def represent(model: GMN, params, views: Views, context_BMV: Array) -> tuple[Array, Array]:
  """Features of a scene: every modality's representation r_m, and the belief's mean.

  Returns:
    r (M, B, h, w, R), the initial representation plus the sum over the views in the context; and
    the means of the product at every draw step along the path without noise, (T, B, h, w, Z).
  """
  encoded = model.apply({'params': params}, views, method='encode')
  r = model.apply({'params': params}, encoded, context_BMV[None], method='represent')
  draw = infer(model, params, views, context_BMV, jax.random.key(0), temperature=0.0)
  return r, draw.prior.mean
