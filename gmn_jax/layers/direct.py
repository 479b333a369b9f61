"""The direct form of a convolution, with gradients that stay fast inside a loop, on every backend.

XLA's own gradient of a convolution is a convolution with unusual dimension numbers; inside a
`while` body (any `lax.scan`) a CPU runs it through a fallback about 50 times slower than outside.
The functions here carry their own VJP, written with canonical NHWC/HWIO convolutions and matrix
products, and compute the same numbers.

Dims: N images, H W rows and columns, I O input and output channels, K kernel size.
"""

import jax
import jax.numpy as jnp

Array = jax.Array
Saved = tuple[Array, Array]  # for the backward pass: the images and the kernel

_NARROW = 64  # channels; measured with 16 and 64 against 128, where it no longer pays


def same_convolution(x_NHWI: Array, kernel_KKIO: Array, pad: int | None = None) -> Array:
  """The convolution with stride 1 and `pad` zeros on each side, by default half the kernel's size.

  It has no gradient of its own.
  """
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
  """The "same" convolution, (N, H, W, O)."""
  return same_convolution(x_NHWI, kernel_KKIO)


def _forward(x_NHWI: Array, kernel_KKIO: Array) -> tuple[Array, Saved]:
  return same_convolution(x_NHWI, kernel_KKIO), (x_NHWI, kernel_KKIO)


def _backward(saved: Saved, grad_NHWO: Array) -> Saved:
  return gradients(*saved, grad_NHWO)


def gradients(x_NHWI: Array, kernel_KKIO: Array, grad_NHWO: Array) -> Saved:
  """The gradients for the images and for the kernel, from that for the outputs."""
  pad = kernel_KKIO.shape[0] // 2
  flipped_KKOI = kernel_KKIO[::-1, ::-1].swapaxes(2, 3)
  if 2 * kernel_KKIO.shape[2] <= min(kernel_KKIO.shape[3], 2 * _NARROW):
    grad_x_NHWI = jax.lax.platform_dependent(
      grad_NHWO, flipped_KKOI, cpu=_to_few_channels, default=same_convolution
    )
  else:
    grad_x_NHWI = same_convolution(grad_NHWO, flipped_KKOI)
  # The batch becomes the contracted channel, the output gradient the kernel.
  grad_kernel_IKKO = same_convolution(
    x_NHWI.transpose(3, 1, 2, 0), grad_NHWO.transpose(1, 2, 0, 3), pad
  )
  return grad_x_NHWI, grad_kernel_IKKO.transpose(1, 2, 0, 3)


convolve.defvjp(_forward, _backward)
