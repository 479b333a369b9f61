"""How fast this machine multiplies at best: what the rate of a training step is a share of."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gmn_jax.layers.direct import convolve


def peak_flops_per_s(
  dtype: jnp.dtype, repeats: int = 5, compiler_options: Mapping[str, Any] | None = None
) -> float:
  """The highest rate in `dtype`, of one device, of a matrix product and, on a CPU, of the expert's
  own convolution forward and backward: whichever is faster there is what a step could at best
  reach. Takes a second or two.

  It says something where nothing else runs beside: measured on a busy machine it is too low.

  Args:
    dtype: of the arithmetic.
    repeats: of each product, of which the fastest counts.
    compiler_options: what XLA is told of the step; the peak is the highest rate with them or
      without.
  """
  options = [None] if compiler_options is None else [None, dict(compiler_options)]
  return max(_rate(dtype, repeats, told) for told in options)


def _rate(dtype: jnp.dtype, repeats: int, compiler_options: dict[str, Any] | None) -> float:
  jit = functools.partial(jax.jit, compiler_options=compiler_options)
  on_cpu = jax.default_backend() == 'cpu'
  size = 2048 if on_cpu else 8192
  x = jnp.ones((size, size), dtype)
  product = jit(jnp.matmul)
  rates = [2 * size**3 / min(time_calls(lambda: product(x, x), repeats))]
  if on_cpu:
    images, inputs, outputs, side = 24, 64, 256, 16
    x = jnp.ones((images, side, side, inputs), dtype)
    kernel = jnp.ones((5, 5, inputs, outputs), dtype)
    forward = jit(convolve)
    gradient = jnp.ones((images, side, side, outputs), dtype)
    backward = jit(lambda x, kernel, gradient: jax.vjp(convolve, x, kernel)[1](gradient))
    flops = 2 * images * side**2 * 25 * inputs * outputs
    rates.append(flops / min(time_calls(lambda: forward(x, kernel), repeats)))
    rates.append(2 * flops / min(time_calls(lambda: backward(x, kernel, gradient), repeats)))
  return max(rates)


def time_calls(call: Callable[[], object], repeats: int) -> list[float]:
  """Seconds of each of `repeats` calls, after one that is not counted; waits for their results."""
  jax.block_until_ready(call())
  times = []
  for _ in range(repeats):
    began = time.perf_counter()
    jax.block_until_ready(call())
    times.append(time.perf_counter() - began)
  return times
