"""What a trained model is asked: infer a scene, generate its views, weigh or represent it.

Pure functions of (model, params, arrays, key). Wherever a key is taken, noise may be given in its
place.

Dims: S episodes of a scene, B scenes, N episodes (S B of them, S-major, where they are of the same
scenes), M modalities, V views, W views asked for, K samples, T draw steps, h w latent grid, R
representation channels, Z latent channels per step.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.model import GMN, draw_noise, gaussians
from gmn_jax.model.experts import Draw
from gmn_jax.senses.batch import Episodes, Views

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


def summarise(model: GMN, params, views: Views, mask_SBMV: Array) -> Seen:
  """What the views in each mask tell, N = S B, S-major."""
  encoded = model.apply({'params': params}, views, method='encode')
  sums = [
    jnp.einsum('sbv,bvhwr->sbhwr', mask_SBMV[:, :, m].astype(r.dtype), r)
    for m, r in enumerate(encoded)
  ]
  any_NM = mask_SBMV.any(axis=-1).reshape(-1, mask_SBMV.shape[2])
  return Seen(tuple(r.reshape(-1, *r.shape[2:]) for r in sums), any_NM)


def imagine(model: GMN, params, context: Seen, noise: tuple[Array, Array | None]) -> Draw:
  """z from the prior given N contexts; noise as from `latent_noise`."""
  return model.apply({'params': params}, *_as_views(context), *noise, method='imagine')


def log_importance_weight(
  model: GMN,
  params,
  context: Seen,
  target: Seen,
  truth: Views,
  noise: tuple[Array, Array | None],
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
    noise: draws the latents, as from `latent_noise`.
    likelihoods: the scales on which images are measured, all of the same z.
    asked_NMW: bool, which of the views in `truth` count; None: all.
  """
  encoded, given_1NM1 = _as_views(context)
  of_target, asked_1NM1 = _as_views(target)
  both = tuple(jnp.concatenate(pair, axis=1) for pair in zip(encoded, of_target, strict=True))
  nothing = jnp.zeros_like(given_1NM1)
  episodes = Episodes(
    jnp.concatenate([given_1NM1, nothing], axis=-1), jnp.concatenate([nothing, asked_1NM1], axis=-1)
  )
  draw = model.apply({'params': params}, both, episodes, *noise, method='infer')
  means = render(model, params, draw.z, truth.queries)
  log_ratio = gaussians.log_density(draw.z, *draw.prior) - gaussians.log_density(
    draw.z, *draw.posterior
  )
  log_ratio_N = log_ratio.sum(axis=(0, 2, 3, 4)) + draw.representation_log_weight
  log_weights = []
  for likelihood in likelihoods:
    log_weight_N = log_ratio_N
    for m, modality in enumerate(model.modalities):
      density_NW = likelihood.log_density(modality.kind, truth.senses[m], means[m])
      counts = True if asked_NMW is None else asked_NMW[:, m]
      log_weight_N += jnp.sum(density_NW, axis=1, where=counts)
    log_weights.append(log_weight_N)
  return jnp.stack(log_weights)


def _as_views(seen: Seen) -> tuple[tuple[Array, ...], Array]:
  """Encodings as of one view per set and modality, and the mask (1, N, M, 1) of those there are."""
  return tuple(r[:, None] for r in seen.sums), seen.any_NM[None, :, :, None]


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
    key: a PRNG key; or noise as in `latent_noise` with a leading axis K.
    samples: K.
    likelihood: the scale on which images are measured.
  """
  scenes = len(context_BMV)
  sets = summarise(model, params, views, jnp.stack([context_BMV, target_BMV]))
  context, target = sets.pick(slice(scenes)), sets.pick(slice(scenes, None))

  def weigh(noise: tuple[Array, Array | None]) -> Array:
    likelihoods = (likelihood,)
    return log_importance_weight(
      model, params, context, target, views, noise, likelihoods, target_BMV
    )[0]

  if not isinstance(key, tuple) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
    key = jax.vmap(lambda k: draw_noise(model, k, scenes))(jax.random.split(key, samples))
  return jax.lax.map(weigh, latent_noise(model, key, scenes))


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
