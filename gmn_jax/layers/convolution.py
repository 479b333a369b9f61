"""Convolutions: what every layer, expert and renderer calls, and which form computes it.

A kernel is made ready once for images of a size, and convolved with as often as there are images.
On a CPU wide ones are computed by tiles (`tiles.py`), everything else directly (`direct.py`). Both
compute the same, to rounding.

Dims: N images, H W rows and columns, I O input and output channels, K kernel size.
"""

import contextlib
import contextvars
import operator
from collections.abc import Iterator
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gmn_jax.layers import direct, tiles

Array = jax.Array

_directly = contextvars.ContextVar('directly', default=False)


class Kernel(NamedTuple):
  """A kernel, ready for images of a size.

  Attributes:
    plain: (K, K, I, O).
    tiles: the same for the tiles; None where the direct form computes everywhere.
  """

  plain: Array
  tiles: tiles.Tiles | None


@contextlib.contextmanager
def directly(wanted: bool = True) -> Iterator[None]:
  """Within it, if `wanted`, kernels are made ready for the direct form alone."""
  token = _directly.set(wanted)
  try:
    yield
  finally:
    _directly.reset(token)


class _Least(NamedTuple):
  """From where on tiles take less time than the direct form, forward and backward together.

  Attributes:
    inputs: channels.
    outputs: channels.
    tiles: of all images together, and of all convolutions with the kernel: transforming it costs
      what a few dozen of them save.
  """

  inputs: int
  outputs: int
  tiles: int


# By the size of the kernel. On a core with AVX-512 tiles were, by channels: of 3x3, 64 to 32 .8 to
# 1.4 times as fast, 32 to 64 1.6, 256 to 256 2.2; of 5x5, 3 to 256 .7, 16 to 72 2.3, 64 to 518 2.4.
_LEAST = {3: _Least(32, 64, 64), 5: _Least(16, 32, 64)}


def prepare(kernel_KKIO: Array, images_NHW: tuple[int, ...], times: int = 1) -> Kernel:
  """Makes a kernel ready for images of a size; to be done once, before a loop.

  Args:
    kernel_KKIO: a square kernel of odd size.
    images_NHW: how many are convolved at once, and their rows and columns.
    times: how often so many are convolved with it.
  """
  chex.assert_rank(kernel_KKIO, 4)
  size, _, inputs, outputs = kernel_KKIO.shape
  images, height, width = images_NHW
  count = times * images * tiles.count(height, width)
  if (
    _directly.get()
    or kernel_KKIO.dtype not in (jnp.float32, jnp.float64)
    or size not in _LEAST
    or any(map(operator.lt, (inputs, outputs, count), _LEAST[size]))
  ):
    return Kernel(kernel_KKIO, None)
  # Elsewhere nothing reads it.
  at_points = jax.lax.platform_dependent(kernel_KKIO, cpu=tiles.transform, default=tiles.zeros)
  return Kernel(kernel_KKIO, at_points)


def convolve(x_NHWI: Array, kernel: Array | Kernel) -> Array:
  """Cross-correlation with zero padding that keeps the size ("same"), odd kernel size, stride 1.

  Args:
    x_NHWI: images.
    kernel: a square kernel (K, K, I, O) of odd size, or that made ready for such images.

  Returns:
    (N, H, W, O), in the dtype of x.
  """
  chex.assert_rank(x_NHWI, 4)
  if not isinstance(kernel, Kernel):
    kernel = prepare(kernel, x_NHWI.shape[:3])
  return _convolve(x_NHWI, kernel)


@jax.custom_vjp
def _convolve(x_NHWI: Array, kernel: Kernel) -> Array:
  if kernel.tiles is None:
    return direct.same_convolution(x_NHWI, kernel.plain)
  return jax.lax.platform_dependent(
    x_NHWI,
    kernel,
    cpu=lambda x, kernel: tiles.convolve(x, kernel.tiles),
    default=lambda x, kernel: direct.same_convolution(x, kernel.plain),
  )


def _forward(x_NHWI: Array, kernel: Kernel) -> tuple[Array, tuple[Array, Kernel]]:
  return _convolve(x_NHWI, kernel), (x_NHWI, kernel)


def _backward(saved: tuple[Array, Kernel], grad_NHWO: Array) -> tuple[Array, Kernel]:
  x_NHWI, kernel = saved
  if kernel.tiles is None:
    return _direct_gradients(x_NHWI, kernel, grad_NHWO)
  return jax.lax.platform_dependent(
    x_NHWI, kernel, grad_NHWO, cpu=_tiles_gradients, default=_direct_gradients
  )


_convolve.defvjp(_forward, _backward)


def _direct_gradients(x_NHWI: Array, kernel: Kernel, grad_NHWO: Array) -> tuple[Array, Kernel]:
  grad_x, grad_kernel = direct.gradients(x_NHWI, kernel.plain, grad_NHWO)
  return grad_x, Kernel(grad_kernel, jax.tree.map(jnp.zeros_like, kernel.tiles))


def _tiles_gradients(x_NHWI: Array, kernel: Kernel, grad_NHWO: Array) -> tuple[Array, Kernel]:
  assert kernel.tiles is not None
  grad_x, grad_tiles = tiles.gradients(x_NHWI, kernel.tiles, grad_NHWO)
  return grad_x, Kernel(jnp.zeros_like(kernel.plain), grad_tiles)


def halve(x_NHWI: Array, kernel_22IO: Array) -> Array:
  """Convolution 2x2 with stride 2, as a matrix product over non-overlapping patches: (N, H/2, W/2,
  O).
  """
  n, height, width, channels = x_NHWI.shape
  patches = x_NHWI.reshape(n, height // 2, 2, width // 2, 2, channels)
  return jnp.einsum('nhawbi,abio->nhwo', patches, kernel_22IO)


def double(x_NHWI: Array, kernel_44IO: Array) -> Array:
  """Transposed convolution 4x4, stride 2, padding 1, as a 2x2 convolution and depth-to-space.

  out[2i - 1 + a, 2j - 1 + b] += x[i, j] kernel[a, b]: outputs 2v - 1 + s (s in 0, 1) read the
  inputs v - 1 + j (j in 0, 1) through the tap a = 2 + s - 2j, so a 2x2 convolution of the padded
  input to 4 O channels holds them all.

  Returns:
    (N, 2H, 2W, O).
  """
  n, height, width, inputs = x_NHWI.shape
  outputs = kernel_44IO.shape[-1]
  taps = kernel_44IO.reshape(2, 2, 2, 2, inputs, outputs)[::-1, :, ::-1]  # jy sy jx sx I O
  taps_22I4O = taps.transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, inputs, 4 * outputs)
  wide = _convolve_2x2(jnp.pad(x_NHWI, ((0, 0), (1, 1), (1, 1), (0, 0))), taps_22I4O)
  wide = wide.reshape(n, height + 1, width + 1, 2, 2, outputs).transpose(0, 1, 3, 2, 4, 5)
  return wide.reshape(n, 2 * height + 2, 2 * width + 2, outputs)[:, 1:-1, 1:-1]


@jax.custom_vjp
def _convolve_2x2(x_NHWI: Array, kernel_22IO: Array) -> Array:
  return direct.same_convolution(x_NHWI, kernel_22IO, 0)


def _convolve_2x2_forward(x_NHWI: Array, kernel_22IO: Array) -> tuple[Array, direct.Saved]:
  return _convolve_2x2(x_NHWI, kernel_22IO), (x_NHWI, kernel_22IO)


def _convolve_2x2_backward(saved: direct.Saved, grad_NhwO: Array) -> direct.Saved:
  x_NHWI, kernel_22IO = saved
  height, width = grad_NhwO.shape[1:3]
  offsets = [(a, b) for a in (0, 1) for b in (0, 1)]
  # Four matrix products: a convolution here would have a kernel as large as the image.
  taps = [
    jnp.einsum('nhwi,nhwo->io', x_NHWI[:, a : a + height, b : b + width], grad_NhwO)
    for a, b in offsets
  ]
  grad_kernel = jnp.stack(taps).reshape(kernel_22IO.shape)
  spread = jnp.einsum('nhwo,abio->abnhwi', grad_NhwO, kernel_22IO)
  grad_x = sum(jnp.pad(spread[a, b], ((0, 0), (a, 1 - a), (b, 1 - b), (0, 0))) for a, b in offsets)
  # As above: there are four offsets.
  return grad_x, grad_kernel  # pyright: ignore[reportReturnType]


_convolve_2x2.defvjp(_convolve_2x2_forward, _convolve_2x2_backward)


def constant_response(kernel_KKIO: Array, height: int, width: int) -> Array:
  """The "same" convolution of an image that is constant in space, per input channel: (H, W, I, O).

  A channel that holds one number everywhere (a query, a modality's one-hot) meets the sum of the
  kernel's taps that fall inside the image; away from the border that is the sum of all taps.
  """
  size = kernel_KKIO.shape[0]

  def inside(length: int) -> Array:  # (length, K): does tap k at this position fall inside?
    source = jnp.arange(length)[:, None] + jnp.arange(size) - size // 2
    return ((source >= 0) & (source < length)).astype(kernel_KKIO.dtype)

  return jnp.einsum('hk,wl,klio->hwio', inside(height), inside(width), kernel_KKIO)
