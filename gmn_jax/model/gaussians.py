"""Diagonal Gaussians, given by mean and log-variance: products, divergence, sample, density."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array

# The authors' code adds 1e-8 to every expert's variance, once more before inverting it, and to the
# product's variance.
_EPSILON = 1e-8
# Of an expert's log-variance below that of the reference, in `generalised_product`: an expert that
# has gained nothing keeps a weight, and those that all have gained nothing have equal ones.
_LEAST_GAIN = 1e-6


class Gaussian(NamedTuple):
  """A diagonal Gaussian over latents: mean and logvar of one shape."""

  mean: Array
  logvar: Array


def product(mean_E: Array, logvar_E: Array, present_E: Array | None = None) -> tuple[Array, Array]:
  """The normalised product of E Gaussians over the leading axis (paper section 2.5; Wu and Goodman
  2018).

  Equals mean = sum(T mean) / sum(T), var = 1 / sum(T) with T = 1 / (exp(logvar) + 2e-8), logvar =
  log(var + 1e-8), in log space, so that it stays finite for any finite log-variance.

  Args:
    mean_E: (E, ...).
    logvar_E: (E, ...).
    present_E: broadcastable to (E, ...), False where an expert is left out; every position needs
      one that is present.
      None: all are present.

  Returns:
    Mean and log-variance of the product, (...). A single expert is returned as it is.
  """
  if mean_E.shape[0] == 1:
    return mean_E[0], logvar_E[0]
  log_precision_E = -jnp.logaddexp(logvar_E, math.log(2 * _EPSILON))
  if present_E is not None:
    log_precision_E = jnp.where(present_E, log_precision_E, -jnp.inf)
  mean = jnp.sum(jax.nn.softmax(log_precision_E, axis=0) * mean_E, axis=0)
  logvar = jnp.logaddexp(-jax.nn.logsumexp(log_precision_E, axis=0), math.log(_EPSILON))
  return mean, logvar


def log_opinion_pool(
  mean_E: Array, logvar_E: Array, present_E: Array | None = None
) -> tuple[Array, Array]:
  """The normalised geometric mean of E Gaussians: the product of their powers 1 / E.

  Arguments and results are those of `product`; E counts those present.
  """
  present_E = jnp.ones_like(logvar_E, bool) if present_E is None else present_E
  log_size = jnp.log(jnp.sum(present_E, axis=0, dtype=logvar_E.dtype))
  return product(mean_E, logvar_E + log_size, present_E)


def generalised_product(
  mean_E: Array, logvar_E: Array, present_E: Array | None = None
) -> tuple[Array, Array]:
  """The normalised product of powers of E - 1 Gaussians (Cao and Fleet 2014).

  The exponents sum to one, and each is proportional to how much lower the expert's entropy is than
  that of the last Gaussian, the reference. That is the result where no other is present.

  Arguments and results are those of `product`.
  """
  present_E = jnp.broadcast_to(True if present_E is None else present_E, logvar_E.shape)
  gain_E = jnp.where(present_E, jnp.maximum(logvar_E[-1:] - logvar_E, _LEAST_GAIN), 0)
  alone = ~present_E[:-1].any(axis=0)
  weight_E = gain_E.at[-1].set(alone)
  weight_E /= weight_E.sum(axis=0)
  has_E = weight_E > 0
  return product(mean_E, logvar_E - jnp.log(jnp.where(has_E, weight_E, 1)), has_E)


def divergence(mean_q: Array, logvar_q: Array, mean_p: Array, logvar_p: Array) -> Array:
  """KL(q || p) per element, nats."""
  ratio = jnp.exp(logvar_q - logvar_p) + (mean_q - mean_p) ** 2 * jnp.exp(-logvar_p)
  return 0.5 * (logvar_p - logvar_q + ratio - 1)


def sample(mean: Array, logvar: Array, noise: Array) -> Array:
  """mean + standard deviation * noise; noise of zeros gives the mean."""
  return mean + jnp.exp(0.5 * logvar) * noise


def log_density(x: Array, mean: Array, logvar: Array) -> Array:
  """log N(x; mean, exp(logvar)) per element, nats, every constant in place."""
  return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 * jnp.exp(-logvar))
