"""Diagonal Gaussians, given by mean and log-variance: product, divergence, sample, density."""

import math

import jax
import jax.numpy as jnp

Array = jax.Array

# The authors' code adds 1e-8 to every expert's variance, once more before inverting it, and to the
# product's variance.
_EPSILON = 1e-8


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
