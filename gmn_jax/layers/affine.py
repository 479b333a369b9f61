"""Layers of the encoders and renderers: parameters plus a product; every one carries a bias.

Dims: N images or vectors, H W rows and columns, I O input and output channels, Q query numbers (7).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.convolution import constant_response, convolve, double, halve
from gmn_jax.layers.initializers import fan_in_uniform

Array = jax.Array


class Dense(nn.Module):
  """Affine map of the last axis, (..., I) to (..., O).

  `repeats` says over how many applications the input was summed, each of which would have added the
  bias.
  """

  features: int
  repeats: int = 1

  @nn.compact
  def __call__(self, x: Array) -> Array:
    kernel, bias = affine(self, (x.shape[-1], self.features), fan_in=x.shape[-1])
    return add_bias(x @ kernel.astype(x.dtype), self.repeats * bias)


class ResidualDense(nn.Module):
  """main(x) + skip(x), two affine maps without an activation, computed as one: the authors' haptic
  residual.
  """

  features: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (x.shape[-1], self.features)
    main, main_bias = affine(self, shape, fan_in=shape[0], name='main')
    skip, skip_bias = affine(self, shape, fan_in=shape[0], name='skip')
    return add_bias(x @ (main + skip).astype(x.dtype), main_bias + skip_bias)


class Conv(nn.Module):
  """Convolution KxK, "same", stride 1: (N, H, W, I) to (N, H, W, O)."""

  features: int
  size: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.size, self.size, x.shape[-1], self.features)
    kernel, bias = affine(self, shape, fan_in=self.size**2 * x.shape[-1])
    return add_bias(convolve(x, kernel.astype(x.dtype)), bias)


class HalvingConv(nn.Module):
  """Convolution 2x2 with stride 2: (N, H, W, I) to (N, H/2, W/2, O)."""

  features: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    kernel, bias = affine(self, (2, 2, x.shape[-1], self.features), fan_in=4 * x.shape[-1])
    return add_bias(halve(x, kernel.astype(x.dtype)), bias)


class DoublingConv(nn.Module):
  """Transposed convolution 4x4, stride 2, padding 1: (N, H, W, I) to (N, 2H, 2W, O).

  `repeats` says over how many applications the input was summed, each of which would have added the
  bias.
  """

  features: int
  repeats: int = 1

  @nn.compact
  def __call__(self, x: Array) -> Array:
    kernel, bias = affine(self, (4, 4, x.shape[-1], self.features), fan_in=16 * x.shape[-1])
    return add_bias(double(x, kernel.astype(x.dtype)), self.repeats * bias)


class ResidualConv(nn.Module):
  """main(x, q) + skip(x, q), 3x3 and 1x1, without an activation; q is a vector held constant over
  the image.

  The 1x1 kernel is added to the centre of the 3x3 one, and what the constant channels contribute is
  a closed-form map.
  """

  features: int

  @nn.compact
  def __call__(self, x: Array, constant_NQ: Array | None = None) -> Array:
    image_channels = x.shape[-1]
    channels = image_channels + (0 if constant_NQ is None else constant_NQ.shape[-1])
    main, main_bias = affine(
      self, (3, 3, channels, self.features), fan_in=9 * channels, name='main'
    )
    skip, skip_bias = affine(self, (1, 1, channels, self.features), fan_in=channels, name='skip')
    kernel = main.at[1:2, 1:2].add(skip).astype(x.dtype)
    y = add_bias(convolve(x, kernel[:, :, :image_channels]), main_bias + skip_bias)
    if constant_NQ is None:
      return y
    response_HWQO = constant_response(kernel[:, :, image_channels:], *x.shape[1:3])
    return y + jnp.einsum('nq,hwqo->nhwo', constant_NQ.astype(x.dtype), response_HWQO)


def add_bias(x: Array, bias: Array) -> Array:
  """x + bias in the dtype of x, but added in the bias's: its gradient is a sum over every pixel of
  the batch, which eight bits of mantissa would stop short.
  """
  return (x + bias).astype(x.dtype)


def affine(
  module: nn.Module, shape: tuple[int, ...], *, fan_in: int, name: str = ''
) -> tuple[Array, Array]:
  """Declares a kernel of `shape` and a bias of its last axis in `module`, float32, in the range of
  `fan_in`.
  """
  prefix = f'{name}_' if name else ''
  init = fan_in_uniform(fan_in)
  kernel = module.param(prefix + 'kernel', init, shape, jnp.float32)
  return kernel, module.param(prefix + 'bias', init, (shape[-1],), jnp.float32)
