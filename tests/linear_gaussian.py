"""A model of scenes whose every answer is known: z ~ N(0, I), a view is query . z plus noise.

It answers what the evaluations ask of a network, for N problems at once: log-weights of a sample of
an imperfect posterior, and the means of a sample of the prior.

Dims: N problems, V views, Z = 3 latents.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

Z = 3
STD = 0.5
# How far the posterior from which samples are drawn is from the right one.
SHIFT, WIDEN = 0.2, 1.5


class Sensed(NamedTuple):
  """Views of N scenes: queries (N, V, Z) and senses (N, V)."""

  queries: np.ndarray
  senses: np.ndarray


def draw_scenes(rng: np.random.Generator, scenes: int) -> np.ndarray:
  return rng.standard_normal((scenes, Z))


def sense(rng: np.random.Generator, z_NZ: np.ndarray, views: int) -> Sensed:
  queries = rng.standard_normal((len(z_NZ), views, Z))
  means = np.einsum('nvz,nz->nv', queries, z_NZ)
  return Sensed(queries, means + STD * rng.standard_normal(means.shape))


def belief(*seen: Sensed) -> tuple[np.ndarray, np.ndarray]:
  """Mean (N, Z) and covariance (N, Z, Z) of z given all that was seen."""
  queries = np.concatenate([part.queries for part in seen], axis=1)
  senses = np.concatenate([part.senses for part in seen], axis=1)
  precision = np.eye(Z) + np.einsum('nvy,nvz->nyz', queries, queries) / STD**2
  covariance = np.linalg.inv(precision)
  return np.einsum('nyz,nvz,nv->ny', covariance, queries, senses) / STD**2, covariance


def log_likelihood(context: Sensed, target: Sensed) -> np.ndarray:
  """log p(target | context), (N,), in closed form."""
  mean, covariance = belief(context)
  means = np.einsum('nvz,nz->nv', target.queries, mean)
  covariances = np.einsum('nvy,nyz,nwz->nvw', target.queries, covariance, target.queries)
  covariances += STD**2 * np.eye(covariances.shape[-1])
  return np.array(
    [
      scipy.stats.multivariate_normal(m, c).logpdf(x)
      for m, c, x in zip(means, covariances, target.senses, strict=True)
    ]
  )


def proposal(context: Sensed, target: Sensed, exact: bool) -> tuple[np.ndarray, np.ndarray]:
  """The posterior from which z is drawn."""
  mean, covariance = belief(context, target)
  return (mean, covariance) if exact else (mean + SHIFT, WIDEN * covariance)


def elbo(context: Sensed, target: Sensed) -> np.ndarray:
  """log p(target | context) minus the divergence of the proposal to the right posterior, (N,)."""
  divergence = 0.5 * (Z * (WIDEN - 1 - np.log(WIDEN)))
  precision = np.linalg.inv(belief(context, target)[1])
  shift = np.full(Z, SHIFT)
  return log_likelihood(context, target) - divergence - 0.5 * shift @ precision @ shift


def make_log_weight(context: Sensed, target: Sensed, exact: bool = False):
  """The log-weights (N,) of one sample drawn from a key."""
  posterior = proposal(context, target, exact)
  of_noise = make_log_weight_of_noise(context, target, posterior)
  return lambda key: of_noise(jax.random.normal(key, posterior[0].shape))


def make_log_weight_of_noise(
  context: Sensed, target: Sensed, posterior: tuple[np.ndarray, np.ndarray]
):
  """The log-weights (N,) of the sample that a Gaussian (N, Z) draws from noise (N, Z)."""
  prior = belief(context)

  def log_weight(noise: jax.Array) -> jax.Array:
    z = _of_noise(posterior, noise)
    means = jnp.einsum('nvz,nz->nv', target.queries, z)
    density = jax.scipy.stats.norm.logpdf(target.senses, means, STD).sum(axis=1)
    return density + _log_density(z, prior) - _log_density(z, posterior)

  return log_weight


def make_predict(context: Sensed, queries: np.ndarray):
  """The means of what is sensed at queries (N, V, Z), of one sample of the prior."""
  prior = belief(context)

  def predict(key: jax.Array) -> tuple[jax.Array]:
    return (jnp.einsum('nvz,nz->nv', queries, _draw(prior, key)),)

  return predict


def noise_of(gaussian: tuple[np.ndarray, np.ndarray], z_NZ: np.ndarray) -> np.ndarray:
  """The noise (N, Z) from which a Gaussian draws z."""
  mean, covariance = gaussian
  return np.linalg.solve(np.linalg.cholesky(covariance), (z_NZ - mean)[..., None])[..., 0]


def _draw(gaussian: tuple[np.ndarray, np.ndarray], key: jax.Array) -> jax.Array:
  return _of_noise(gaussian, jax.random.normal(key, gaussian[0].shape))


def _of_noise(gaussian: tuple[np.ndarray, np.ndarray], noise: jax.Array) -> jax.Array:
  mean, covariance = gaussian
  return mean + jnp.einsum('nyz,nz->ny', np.linalg.cholesky(covariance), noise)


def _log_density(z: jax.Array, gaussian: tuple[np.ndarray, np.ndarray]) -> jax.Array:
  mean, covariance = gaussian
  away = z - mean
  distance = jnp.einsum('ny,nyz,nz->n', away, np.linalg.inv(covariance), away)
  return -0.5 * (distance + np.linalg.slogdet(covariance)[1] + Z * np.log(2 * np.pi))
