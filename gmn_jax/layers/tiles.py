"""A "same" convolution by tiles of 4 x 4 outputs, in a sixth to a quarter of the multiplications.

A tile of outputs and a kernel are polynomials; their product is read off its values at as many
points as it has coefficients (Toom and Cook; Winograd's minimal filtering). At each point a tile
takes one product of channels: with K = 5 a point per axis more than twice the tile's side makes 64
products of what are 400 directly, with K = 3 36 of 144. To the points and back lead products with
small constant matrices. An image is computed a strip of tiles at a time, so that what a strip needs
stays in a cache, and rows come first, (H, W, N, C), so that nothing in a strip is transposed.

Dims: H W rows and columns, N images, I O channels, K kernel size, S = 4 side of a tile, n = S + K -
1 points per axis, P = n n, J tiles in a strip, h rows of an image that a strip reads, R tiles.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array

_SIDE = 4
# Where polynomials are evaluated, beside infinity: of small rational points those with which
# float32 errs least.
_POINTS = {3: (0, 1, -1, 2, -0.5), 5: (0, 1, -1, 2, -2, 0.5, -0.5)}
SIZES = tuple(_POINTS)  # of kernels
# Bytes at the points that are computed at once: with more they leave the cache before they are read
# again. Strips of so few that a product mostly reads the kernel are joined.
_MOST, _FEW = 10_000_000, 1_000_000


class Tiles(NamedTuple):
  """A kernel at the points.

  Attributes:
    kernel: (P, I, O).
    swapped: the same as (P, O, I), which the gradient of the images multiplies by: on a CPU a
      product repacks what it sums over the last axis of, every time.
  """

  kernel: Array
  swapped: Array


class _Matrices(NamedTuple):
  """y = output ((kernel k) * (input x)) for n pixels x, K taps k and S outputs y."""

  output: np.ndarray  # (S, n)
  kernel: np.ndarray  # (n, K)
  input: np.ndarray  # (n, n)


@functools.lru_cache
def _matrices(size: int) -> _Matrices:
  n = _SIDE + size - 1

  def at_points(length: int) -> np.ndarray:
    finite = np.vander(np.array(_POINTS[size], np.float64), length, increasing=True)
    return np.vstack([finite, np.eye(length)[-1:]])  # at infinity the highest power alone

  output, kernel, input = at_points(_SIDE).T, at_points(size), np.linalg.inv(at_points(n)).T
  # The factors of a point are scaled to one size, by powers of two, which round nothing.
  norms = np.stack([np.linalg.norm(m, axis=1) for m in (output.T, kernel, input)])
  out, of_kernel = 2.0 ** np.round(np.log2(np.cbrt(norms.prod(axis=0)) / norms[:2]))
  return _Matrices(output * out, kernel * of_kernel[:, None], input / (out * of_kernel)[:, None])


class _Strip(NamedTuple):
  """The matrices of a strip of tiles, of all of its columns and of its rows."""

  reads: slice
  writes: slice
  down: np.ndarray  # (n, h): rows read to points
  across: np.ndarray  # (n J, W): columns to points
  up: np.ndarray  # (rows written, n): points to rows
  back: np.ndarray  # (W, n J): points to columns


def _strips(height: int, width: int, size: int) -> Iterator[_Strip]:
  of = _matrices(size)
  n, pad, count = len(of.kernel), size // 2, -(-width // _SIDE)
  across, back = np.zeros((n, count, width + 2 * n)), np.zeros((count * _SIDE, n, count))
  for j in range(count):
    first = n + j * _SIDE - pad
    across[:, j, first : first + n] = of.input
    back[j * _SIDE : (j + 1) * _SIDE, :, j] = of.output
  across = across[:, :, n : n + width].reshape(n * count, width)
  back = back[:width].reshape(width, n * count)
  for top in range(0, height, _SIDE):
    reads = slice(max(top - pad, 0), min(top - pad + n, height))
    down = of.input[:, reads.start - top + pad : reads.stop - top + pad]
    writes = slice(top, top + _SIDE)
    yield _Strip(reads, writes, down, across, of.output[: height - top], back)


def count(height: int, width: int) -> int:
  """Tiles of an image."""
  return -(-height // _SIDE) * -(-width // _SIDE)


def transform(kernel_KKIO: Array) -> Tiles:
  """The kernel at the points; done once for all convolutions with it."""
  of_axis = _matrices(kernel_KKIO.shape[0]).kernel
  # Both axes at once: one after the other would transpose kernels of megabytes.
  matrix = jnp.asarray(np.kron(of_axis, of_axis), kernel_KKIO.dtype)
  taps = kernel_KKIO.reshape(matrix.shape[1], -1)
  kernel = (matrix @ taps).reshape(-1, *kernel_KKIO.shape[2:])
  # The gradient comes back through the one that the images are multiplied by.
  return Tiles(kernel, jax.lax.stop_gradient(kernel.swapaxes(1, 2)))


def zeros(kernel_KKIO: Array) -> Tiles:
  """What has the shapes of `transform`, where nothing reads it."""
  shapes = jax.eval_shape(transform, kernel_KKIO)
  return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def convolve(x_NHWI: Array, tiles: Tiles) -> Array:
  """The convolution, (N, H, W, O)."""
  groups, blocks = _parts(x_NHWI.shape, tiles)
  done = []
  for block in blocks:
    x_HWNI, rows = _rows_first(x_NHWI[block]), []
    for group in groups:
      y = jnp.split(_products(_all_to_points(x_HWNI, group), tiles.kernel), len(group), axis=1)
      images = x_HWNI.shape[2]
      rows += [_from_points(y, s.up, s.back, images) for y, s in zip(y, group, strict=True)]
    done.append(_images_first(jnp.concatenate(rows)))
  return jnp.concatenate(done)


def gradients(x_NHWI: Array, tiles: Tiles, grad_NHWO: Array) -> tuple[Array, Tiles]:
  """The gradients for the images and for the kernel, from that for the outputs."""
  groups, blocks = _parts(x_NHWI.shape, tiles)
  grad_kernel, done = jnp.zeros_like(tiles.kernel), []
  for block in blocks:
    x_HWNI, grad_HWNO = _rows_first(x_NHWI[block]), _rows_first(grad_NHWO[block])
    grad_x, images = jnp.zeros_like(x_HWNI), x_HWNI.shape[2]
    for group in groups:
      grad = [_to_points(grad_HWNO[s.writes], s.up.T, s.back.T) for s in group]
      grad = jnp.concatenate(grad, axis=1)
      grad_kernel += jnp.einsum('pri,pro->pio', _all_to_points(x_HWNI, group), grad)
      of_x = jnp.split(_products(grad, tiles.swapped), len(group), axis=1)
      for points, s in zip(of_x, group, strict=True):
        of_strip = _from_points(points, s.down.T, s.across.T, images)
        grad_x = grad_x.at[s.reads].add(of_strip)
    done.append(_images_first(grad_x))
  return jnp.concatenate(done), Tiles(grad_kernel, jnp.zeros_like(tiles.swapped))


def _parts(shape_NHWI: tuple[int, ...], tiles: Tiles) -> tuple[list[list[_Strip]], list[slice]]:
  """Groups of strips and blocks of images whose products are computed at once."""
  count, height, width, _ = shape_NHWI
  points, *channels = tiles.kernel.shape
  strips = list(_strips(height, width, int(np.sqrt(points)) + 1 - _SIDE))
  image_bytes = points * -(-width // _SIDE) * max(channels) * tiles.kernel.dtype.itemsize
  images = -(-count // -(-count * image_bytes // _MOST))
  together = max(1, _FEW // (images * image_bytes))
  groups = [strips[i : i + together] for i in range(0, len(strips), together)]
  return groups, [slice(i, i + images) for i in range(0, count, images)]


def _all_to_points(x_HWNI: Array, group: list[_Strip]) -> Array:
  points = [_to_points(x_HWNI[strip.reads], strip.down, strip.across) for strip in group]
  return jnp.concatenate(points, axis=1)


def _to_points(x_hWNC: Array, down: np.ndarray, across: np.ndarray) -> Array:
  """(P, J N, C)."""
  rows, width, images, channels = x_hWNC.shape
  n = len(down)
  x = jnp.asarray(down, x_hWNC.dtype) @ x_hWNC.reshape(rows, -1)
  x = _each(across, x.reshape(n, width, images * channels))
  return x.reshape(n * n, -1, channels)


def _from_points(y_PRC: Array, up: np.ndarray, back: np.ndarray, images: int) -> Array:
  """(rows, W, N, C)."""
  channels, n = y_PRC.shape[-1], up.shape[1]
  y = _each(back, y_PRC.reshape(n, back.shape[1], images * channels))
  y = jnp.asarray(up, y.dtype) @ y.reshape(n, -1)
  return y.reshape(len(up), len(back), images, channels)


def _each(matrix: np.ndarray, x: Array) -> Array:
  """The matrix times each of a batch."""
  return _products(jnp.broadcast_to(jnp.asarray(matrix, x.dtype), (len(x), *matrix.shape)), x)


def _products(x: Array, y: Array) -> Array:
  return jax.lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,))))


def _rows_first(x_NHWC: Array) -> Array:
  return x_NHWC.transpose(1, 2, 0, 3)


def _images_first(x_HWNC: Array) -> Array:
  return x_HWNC.transpose(2, 0, 1, 3)
