"""The importance-weighted estimate of log p(X | V, C), for any number of samples in bounded memory.

log p(X | V, C) >= E log 1/K sum_k w_k, which is tight as K grows (Burda et al. 2016; the paper's
Eq. 6). K = 1 is the evidence lower bound.

Whatever yields a log-weight from a key can be estimated: the model's is
`inference.log_importance_weight`.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mese_env.errors import UserError

Array = jax.Array
# Of the weights of each half of the samples, of their squares, and of log-weights: all but the last
# as logarithms.
_Sums = tuple[Array, Array, Array]


class Estimate(NamedTuple):
  """What K log-weights say, each of the weights' shape.

  Attributes:
    log_likelihood: log 1/K sum_k w_k, nats.
    elbo: 1/K sum_k log w_k, nats; an estimate of the evidence lower bound.
    effective_samples: (sum_k w_k)^2 / sum_k w_k^2, in [1, K]: near 1, one sample carries the
      estimate, which is then far below the truth.
    scatter: what the estimates of two halves of the samples differ by, over sqrt(2), nats: its root
      mean square over episodes is the standard deviation of an estimate of K / 2 samples. Zero if
      K is 1.
  """

  log_likelihood: Array
  elbo: Array
  effective_samples: Array
  scatter: Array


def estimate(
  log_weight: Callable[[Array], Array], key: Array, samples: int, chunk: int
) -> Estimate:
  """Estimates from `samples` draws, `chunk` of them at once.

  Sample k is drawn from `jax.random.fold_in(key, k)`: the estimate does not depend on `chunk`, but
  for rounding, and the first samples of a larger one are those of a smaller.

  Args:
    log_weight: of one sample drawn from a key, nats, any shape.
    key: decides the samples.
    samples: K, at least 1.
    chunk: how many are held at once, at least 1.

  Raises:
    UserError: `samples` is below 1.
  """
  if samples < 1:
    raise UserError(f'samples is {samples}; give at least 1.')
  chunks = math.ceil(samples / chunk)
  # Of one size, with as few too many as there can be.
  chunk = math.ceil(samples / chunks)
  log_weights_of = jax.vmap(lambda k: log_weight(jax.random.fold_in(key, k)))

  def add(carry: _Sums, first: Array) -> tuple[_Sums, None]:
    log_sum_of_halves, log_sum_of_squares, total = carry
    number_k = first + jnp.arange(chunk)
    log_weights = log_weights_of(number_k)
    of_sample_k = chunk, *(1,) * (log_weights.ndim - 1)
    counts = (number_k < samples).reshape(of_sample_k)
    odd = (number_k % 2 == 1).reshape(of_sample_k)
    log_weights = jnp.where(counts, log_weights, -jnp.inf)
    halves = jnp.stack([jnp.where(half, log_weights, -jnp.inf) for half in (~odd, odd)])
    carry = (
      jnp.logaddexp(log_sum_of_halves, jax.nn.logsumexp(halves, axis=1)),
      jnp.logaddexp(log_sum_of_squares, jax.nn.logsumexp(2 * log_weights, axis=0)),
      total + jnp.sum(log_weights, axis=0, where=counts),
    )
    return carry, None

  like = jax.eval_shape(log_weight, key)
  none = jnp.full(like.shape, -jnp.inf, like.dtype)
  start = jnp.stack([none, none]), none, jnp.zeros(like.shape, like.dtype)
  sums, _ = jax.lax.scan(add, start, chunk * jnp.arange(chunks))
  log_sum_of_halves, log_sum_of_squares, total = sums
  log_sum = jnp.logaddexp(*log_sum_of_halves)
  return Estimate(
    log_sum - math.log(samples),
    total / samples,
    jnp.exp(2 * log_sum - log_sum_of_squares),
    _scatter(log_sum_of_halves, samples),
  )


def _scatter(log_sum_of_halves: Array, samples: int) -> Array:
  if samples == 1:
    return jnp.zeros_like(log_sum_of_halves[0])
  even, odd = log_sum_of_halves
  return jnp.abs(even - math.log((samples + 1) // 2) - odd + math.log(samples // 2)) / math.sqrt(2)


def within_memory(function: Callable[..., Any], budget: float, samples: int) -> Callable[..., Any]:
  """Compiles `function` when it is first called, with the largest chunk that fits.

  Args:
    function: of arrays, and of a Python number `chunk`, how many samples it holds at once.
    budget: bytes for its temporary arrays.
    samples: K, the largest chunk of use.

  Returns:
    The function of the arrays, always of the shapes of the first call; it raises a UserError where
    one sample at a time does not fit.
  """
  compiled = []

  def call(*arrays: Any) -> Any:
    if not compiled:
      compiled.append(_fit(function, budget, samples, arrays))
    return compiled[0](*arrays)

  return call


def _fit(function: Callable[..., Any], budget: float, chunk: int, arrays: tuple) -> Any:
  while True:
    compiled = jax.jit(functools.partial(function, chunk=chunk)).lower(*arrays).compile()
    memory = compiled.memory_analysis()
    assert memory is not None  # Every backend that JAX comes with says.
    needed = memory.temp_size_in_bytes
    if needed <= budget:
      return compiled
    if chunk == 1:
      raise UserError(
        f'one sample takes {needed / 2**30:.2f} GiB and {budget / 2**30:.2f} are allowed; give a '
        'larger --memory_gib, or take fewer scenes at once.'
      )
    # What does not grow with the chunk makes this too large; then it is shrunk again.
    chunk = min(chunk - 1, max(1, int(chunk * budget / needed)))
