"""Calibration: does an interval that should hold a share of the truths hold that share?

The prediction of a number x is the mixture over K latents of N(mean_k, std^2). Its probability
integral transform u = P(X <= x) is uniform in [0, 1] where the prediction is calibrated, and the
central interval of a level holds x where |u - 1/2| <= level / 2.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from gmn_jax.layers.arrays import takes_numpy

Array = jax.Array
# Of the root mean square error of all channels, the least noise of one.
_LEAST = 0.1


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


@takes_numpy
def noise(
  predict: Callable[[Array], tuple[Array, ...]],
  truth: tuple[Array, ...],
  key: Array,
  samples: int,
) -> tuple[Array, ...]:
  """The standard deviation, by channel, of what is sensed around what a sample predicts, (C,) each.

  Of a calibrated belief, the squared error of the mean over K samples is s^2 + (1 + 1/K) v, v the
  samples' unbiased variance: this is solved for s^2, averaged over all but the channels, the last
  axis. What a belief is too sure of counts as noise. A channel has at least a tenth of the root
  mean square error of all: one that never varies would weigh infinitely.

  Args:
    predict: as of `transform`.
    truth: as of `transform`; of what has no view, (N, 0, ...), the noise is 1.
    key: as of `transform`.
    samples: K, at least 2.
  """

  def add(sums: tuple[Any, Any], number: Array) -> tuple[tuple[Any, Any], None]:
    # About the truth, so that no digits are lost.
    away = jax.tree.map(jnp.subtract, predict(jax.random.fold_in(key, number)), truth)
    return jax.tree.map(lambda s, x: s + x, sums, (away, jax.tree.map(jnp.square, away))), None

  nothing = jax.tree.map(jnp.zeros_like, truth)
  (first, second), _ = jax.lax.scan(add, (nothing, nothing), jnp.arange(samples))
  return jax.tree.map(lambda one, two: _noise_of(one, two, samples), first, second)


def _noise_of(first: Array, second: Array, samples: int) -> Array:
  """s (C,) from the sums over the samples of the errors and of their squares."""
  if not first.size:
    return jnp.ones(first.shape[-1])
  error = (first / samples) ** 2
  variance = (second - samples * error) / (samples - 1)
  axes = tuple(range(first.ndim - 1))
  error_C, variance_C = error.mean(axis=axes), variance.mean(axis=axes)
  return jnp.sqrt(jnp.maximum(error_C - (1 + 1 / samples) * variance_C, _LEAST**2 * error_C.mean()))
