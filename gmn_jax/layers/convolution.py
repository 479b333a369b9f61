"""Convolutions whose gradients stay fast inside a loop, on every backend.

XLA's own gradient of a convolution is a convolution with unusual dimension numbers; inside a
`while` body (any `lax.scan`) a CPU runs it through a fallback about 50 times slower than outside.
The functions here carry their own VJP, written with canonical NHWC/HWIO convolutions and matrix
products, and compute the same numbers.

Dims: N images, H W rows and columns, I O input and output channels, K kernel size.
"""

import chex
import jax
import jax.numpy as jnp

Array = jax.Array
_Saved = tuple[Array, Array]  # for the backward pass: the images and the kernel

_NARROW = 64  # channels; measured with 16 and 64 against 128, where it no longer pays


def _same_convolution(x_NHWI: Array, kernel_KKIO: Array, pad: int | None = None) -> Array:
  pad = kernel_KKIO.shape[0] // 2 if pad is None else pad
  if min(x_NHWI.shape[1:3]) < min(kernel_KKIO.shape[:2]):
    # On a CPU, XLA convolves an image smaller than the kernel about 25 times slower than the same
    # image padded beforehand; the barrier keeps it from folding the padding back in.
    widths = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    x_NHWI, pad = jax.lax.optimization_barrier(jnp.pad(x_NHWI, widths)), 0
  return jax.lax.conv_general_dilated(
    x_NHWI,
    kernel_KKIO,
    window_strides=(1, 1),
    padding=((pad, pad), (pad, pad)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def _to_few_channels(x_NHWI: Array, kernel_KKIO: Array) -> Array:
  """The same convolution as one of the kernel's columns, each to channels of its own, and shifts.

  XLA on a CPU runs a convolution to few channels at half the rate of one to many.
  """
  size, _, inputs, outputs = kernel_KKIO.shape
  pad = size // 2
  columns_K1I_KO = kernel_KKIO.transpose(0, 2, 1, 3).reshape(size, 1, inputs, size * outputs)
  wide = jax.lax.conv_general_dilated(
    x_NHWI,
    columns_K1I_KO,
    window_strides=(1, 1),
    padding=((pad, pad), (0, 0)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )
  n, height, width, _ = wide.shape
  wide = wide.reshape(n, height, width, size, outputs)
  wide = jnp.pad(wide, ((0, 0), (0, 0), (pad, pad), (0, 0), (0, 0)))
  shifted = (wide[:, :, shift : shift + width, shift] for shift in range(size))
  # Of nothing the sum would be the number 0, but a kernel has columns.
  return sum(shifted)  # pyright: ignore[reportReturnType]


@jax.custom_vjp
def convolve(x_NHWI: Array, kernel_KKIO: Array) -> Array:
  """Cross-correlation with zero padding that keeps the size ("same"), odd kernel size, stride 1.

  Args:
    x_NHWI: images.
    kernel_KKIO: a square kernel of odd size.

  Returns:
    (N, H, W, O), in the dtype of x.
  """
  chex.assert_rank([x_NHWI, kernel_KKIO], 4)
  return _same_convolution(x_NHWI, kernel_KKIO)


def _convolve_forward(x_NHWI: Array, kernel_KKIO: Array) -> tuple[Array, _Saved]:
  return convolve(x_NHWI, kernel_KKIO), (x_NHWI, kernel_KKIO)


def _convolve_backward(saved: _Saved, grad_NHWO: Array) -> _Saved:
  x_NHWI, kernel_KKIO = saved
  pad = kernel_KKIO.shape[0] // 2
  flipped_KKOI = kernel_KKIO[::-1, ::-1].swapaxes(2, 3)
  if 2 * kernel_KKIO.shape[2] <= min(kernel_KKIO.shape[3], 2 * _NARROW):
    grad_x_NHWI = jax.lax.platform_dependent(
      grad_NHWO, flipped_KKOI, cpu=_to_few_channels, default=_same_convolution
    )
  else:
    grad_x_NHWI = _same_convolution(grad_NHWO, flipped_KKOI)
  # The batch becomes the contracted channel, the output gradient the kernel.
  grad_kernel_IKKO = _same_convolution(
    x_NHWI.transpose(3, 1, 2, 0), grad_NHWO.transpose(1, 2, 0, 3), pad
  )
  return grad_x_NHWI, grad_kernel_IKKO.transpose(1, 2, 0, 3)


convolve.defvjp(_convolve_forward, _convolve_backward)


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
  return _same_convolution(x_NHWI, kernel_22IO, 0)


def _convolve_2x2_forward(x_NHWI: Array, kernel_22IO: Array) -> tuple[Array, _Saved]:
  return _convolve_2x2(x_NHWI, kernel_22IO), (x_NHWI, kernel_22IO)


def _convolve_2x2_backward(saved: _Saved, grad_NhwO: Array) -> _Saved:
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
