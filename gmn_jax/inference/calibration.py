"""Calibration: does an interval that should hold a share of the truths hold that share?

The prediction of a number x is the mixture over K latents of N(mean_k, std^2). Its probability
integral transform u = P(X <= x) is uniform in [0, 1] where the prediction is calibrated, and the
central interval of a level holds x where |u - 1/2| <= level / 2.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from gmn_jax.layers.arrays import takes_numpy

Array = jax.Array


@takes_numpy
def transform(
  predict: Callable[[Array], tuple[Array, ...]],
  truth: tuple[Array, ...],
  std: float,
  key: Array,
  samples: int,
) -> tuple[Array, ...]:
  """u of every number, in [0, 1], of the truth's shapes; one sample is held at a time.

  Args:
    predict: the means of one sample of the latents, drawn from a key.
    truth: what was sensed, of the shapes of the means.
    std: of the likelihood.
    key: decides the samples; sample k is drawn from `jax.random.fold_in(key, k)`.
    samples: K, at least 1.
  """

  def add(total: tuple[Array, ...], number: Array) -> tuple[tuple[Array, ...], None]:
    means = predict(jax.random.fold_in(key, number))
    below = jax.tree.map(lambda x, mean: norm.cdf((x - mean) / std), truth, means)
    return jax.tree.map(jnp.add, total, below), None

  total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, truth), jnp.arange(samples))
  return jax.tree.map(lambda part: part / samples, total)


@takes_numpy
def coverage(transforms: tuple[Array, ...], levels: Array) -> Array:
  """The share of the numbers in the central interval of each level, (levels, N).

  Args:
    transforms: u, (N, ...) each; the numbers of all of them count alike.
    levels: in (0, 1).
  """
  u_ND = jnp.concatenate([u.reshape(len(u), -1) for u in transforms], axis=1)
  return jax.lax.map(lambda level: jnp.mean(2 * jnp.abs(u_ND - 0.5) <= level, axis=1), levels)
