"""Generation: latents sampled given a context, and the views rendered from them.

Pure functions of (model, params, arrays, key). Wherever a key is taken, noise may be given in its
place, and NumPy arrays in the place of JAX's.

Dims: B scenes, N episodes, M modalities, V views, T draw steps, h w latent grid, R representation
channels, Z latent channels per step.
"""

import jax
import jax.numpy as jnp

from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.model import GMN, Draw, Noise, apply, sample_noise
from gmn_jax.senses.views import Views

Array = jax.Array
Key = Array | Noise


@takes_numpy
def noise_from(model: GMN, key: Key, episodes: int, temperature: float = 1.0) -> Noise:
  """The noise from which the latents of N episodes are sampled, times `temperature`.

  Args:
    model: the network.
    key: a PRNG key, or the noise itself.
    episodes: N.
    temperature: the factor; 0 gives the mean of every step, 1 the model.
  """
  noise = key if isinstance(key, Noise) else sample_noise(model, key, episodes)
  return jax.tree.map(lambda x: temperature * x, noise)


@takes_numpy
def sample_prior(
  model: GMN, params, views: Views, context_BMV: Array, key: Key, temperature: float = 1.0
) -> Draw:
  """Samples z from the prior given the context.

  Args:
    model: the network.
    params: its parameters.
    views: scenes; only the views in the context are read.
    context_BMV: bool, which views are given.
    key: as in `noise_from`.
    temperature: as in `noise_from`.
  """
  noise = noise_from(model, key, len(context_BMV), temperature)
  encoded = apply(model, params, views, method='encode')
  return apply(model, params, encoded, context_BMV[None], noise, method='sample_prior')


@takes_numpy
def generate(
  model: GMN,
  params,
  views: Views,
  context_BMV: Array,
  queries: tuple[Array, ...],
  key: Key,
  temperature: float = 1.0,
) -> tuple[Array, tuple[Array, ...]]:
  """Samples the latents of a scene given a context, and renders views of it at queries.

  Args:
    model: the network.
    params: its parameters.
    views: scenes; only the views in the context are read.
    context_BMV: bool, which views are given.
    queries: per modality the embedded queries to render, (B, V, 7); V may differ from the views',
      and be 0.
    key: as in `noise_from`.
    temperature: as in `noise_from`.

  Returns:
    z (B, T, h, w, Z), and per modality the means (B, V, *modality.shape).
  """
  z = sample_prior(model, params, views, context_BMV, key, temperature).z
  return z, render(model, params, z, queries)


@takes_numpy
def render(model: GMN, params, z_BThwZ: Array, queries: tuple[Array, ...]) -> tuple[Array, ...]:
  """Per modality the means (B, V, *modality.shape) of the views of given latents at embedded
  queries (B, V, 7).
  """
  view_of = [jnp.ones((1, *query.shape[:2])) for query in queries]
  return apply(model, params, z_BThwZ, view_of, queries, method='render')


@takes_numpy
def represent(model: GMN, params, views: Views, context_BMV: Array) -> tuple[Array, Array]:
  """Features of a scene: every modality's representation r_m, and the belief's mean.

  Returns:
    r (M, B, h, w, R), the initial representation plus the sum over the views in the context; and
    the means of the prior at every draw step along the path without noise, (B, T, h, w, Z).
  """
  encoded = apply(model, params, views, method='encode')
  r = apply(model, params, encoded, context_BMV[None], method='represent')
  draw = sample_prior(model, params, views, context_BMV, jax.random.key(0), temperature=0.0)
  return r, draw.prior.mean
