"""Looking: images, how they are cut, encoded and rendered.

Dims: N views, H W C image, h w latent grid (H/4, W/4), R representation channels, Q query numbers
(7), L hidden channels, G = 4 L gates.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import Conv, DoublingConv, HalvingConv, ResidualConv, add_bias, affine
from gmn_jax.layers.convolution import convolve, double, prepare
from gmn_jax.layers.lstm import lstm_cell
from gmn_jax.senses.renderer import KERNEL_SIZE, Renderer
from gmn_jax.senses.sense import Grid, Range, Scale, Sense
from mese_env.errors import UserError

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class ImageCut:
  """A window of the image, seen on a canvas that shows the centre of the field of view.

  Attributes:
    canvas: side of the square canvas in pixels, to which the image is resized (antialiased,
      bilinear).
    rows: first and last (exclusive) row of the canvas.
    columns: first and last (exclusive) column.
    channels: which colour channels.
    field: the part of the image's field of view that the canvas shows, in (0, 1].
  """

  canvas: int
  rows: tuple[int, int]
  columns: tuple[int, int]
  channels: tuple[int, ...] = (0, 1, 2)
  field: float = 1.0

  def __call__(self, image: Array) -> Array:
    """(..., H, W, C) floats to (..., rows, columns, channels).

    Raises:
      UserError: the image lacks one of the channels.
    """
    if max(self.channels) >= image.shape[-1]:
      raise UserError(
        f'a modality is cut from channel {max(self.channels)} of an image of {image.shape[-1]}; '
        'give it smaller channels, or images that have it.'
      )
    seen = centre(image, self.canvas, self.field)
    window = seen[..., slice(*self.rows), slice(*self.columns), :]
    return window[..., jnp.array(self.channels)]


def centre(image: Array, size: int, field: float = 1.0) -> Array:
  """The centre `field` of square images (..., H, H, C), resized to (..., size, size, C),
  antialiased and bilinear.
  """
  *lead, height, width, channels = image.shape
  if (height, width, field) == (size, size, 1.0):
    return image
  weights_Ss = _resizing(height, size, field, image.dtype)
  # The channels stay innermost, so that the images, many times what comes out, are not transposed.
  columns = jnp.kron(weights_Ss, jnp.eye(channels, dtype=image.dtype))
  narrow = image.reshape(-1, height, width * channels) @ columns
  seen = jnp.einsum('nhk,hy->nyk', narrow, weights_Ss)
  return seen.reshape(*lead, size, size, channels)


def _resizing(length: int, size: int, field: float, dtype: Any) -> Array:
  """How much each of `size` pixels takes of each of `length`, (length, size)."""
  scale = size / (field * length)
  return jax.image.scale_and_translate(
    jnp.eye(length, dtype=dtype),
    (length, size),
    spatial_dims=(1,),
    scale=jnp.array([scale], dtype),
    translation=jnp.array([size / 2 - scale * length / 2], dtype),
    method='linear',
    antialias=True,
  )


class ImageEncoder(nn.Module):
  """Image (N, H, W, C) and query (N, Q) to (N, H/4, W/4, R), R = 4 `width`."""

  width: int

  @nn.compact
  def __call__(self, image: Array, query: Array) -> Array:
    x = nn.relu(HalvingConv(4 * self.width)(image))
    x = nn.relu(ResidualConv(2 * self.width)(x))
    x = nn.relu(HalvingConv(4 * self.width)(x))
    x = nn.relu(ResidualConv(2 * self.width)(x, query))
    x = nn.relu(Conv(4 * self.width, 3)(x))
    return nn.relu(Conv(4 * self.width, 3)(x))


class ImageRenderer(Renderer):
  """Renders an image: every hidden state is decoded to H/2 x W/2, and their sum to the image."""

  def decode(self, constant_NhwG: Array, k_hidden: Array) -> Array:
    """Means (N, H, W, C)."""
    L, G, dtype = self.width, 4 * self.width, constant_NhwG.dtype
    wide = jnp.promote_types(dtype, jnp.float32)
    k_decode, b_decode = affine(
      self, (KERNEL_SIZE, KERNEL_SIZE, L, L // 2), fan_in=KERNEL_SIZE**2 * L, name='decode'
    )
    k_enlarge, b_enlarge = affine(self, (4, 4, L // 2, L), fan_in=8 * L, name='enlarge')
    k_decode, k_enlarge = k_decode.astype(dtype), k_enlarge.astype(dtype)
    # One convolution of the hidden state feeds the next gates and the decoder.
    k_of_hidden = prepare(
      jnp.concatenate([k_hidden, k_decode], axis=-1), constant_NhwG.shape[:3], self.steps - 1
    )

    def enlarged(of_hidden: Array) -> Array:
      decoded = nn.relu(add_bias(of_hidden, b_decode))
      return nn.relu(add_bias(double(decoded, k_enlarge), b_enlarge))

    def step(carry, _):
      of_hidden, cell, canvas = carry
      hidden, cell = lstm_cell(constant_NhwG + of_hidden, cell)
      of_hidden, decoded = jnp.split(convolve(hidden, k_of_hidden), [G], axis=-1)
      canvas += enlarged(decoded).astype(canvas.dtype)
      return (of_hidden, cell, canvas), None

    n, h, w, _ = constant_NhwG.shape
    cell = jnp.zeros_like(constant_NhwG[..., :L])
    carry = (jnp.zeros_like(constant_NhwG), cell, jnp.zeros((n, 2 * h, 2 * w, L), wide))
    (of_hidden, cell, canvas), _ = jax.lax.scan(self.kept(step), carry, length=self.steps - 1)
    hidden, _ = lstm_cell(constant_NhwG + of_hidden, cell)
    canvas += enlarged(convolve(hidden, k_decode)).astype(wide)
    # The last layer is linear: it is applied once, to the sum over the steps.
    last = DoublingConv(self.modality.shape[-1], repeats=self.steps, name='last')
    return last(canvas.astype(dtype))


def _encoder(width: int, grid: Grid) -> ImageEncoder:
  del grid  # It follows from the image.
  return ImageEncoder(width)


def _to_unit(raw: Array, span: Range) -> Array:
  del span
  return raw.astype(jnp.float32) / 255


def _to_bytes(scaled: Array, span: Range) -> Array:
  del span
  return scaled * 255


def _check(name: str, shape: tuple[int, ...]) -> None:
  if len(shape) != 3 or shape[0] % 4 or shape[1] % 4:
    raise UserError(
      f"image modality '{name}' has shape {shape}; it needs (height, width, channels) with height "
      'and width divisible by four.'
    )


def _quarter(shape: tuple[int, ...]) -> Grid:
  return shape[0] // 4, shape[1] // 4


def _measured(image: Array, levels: int, gray: bool) -> Array:
  """HSV values instead of colours if `gray`; in [0, levels]."""
  return levels * (image.max(axis=-1) if gray else image)


def _scales(name: str, shapes: Sequence[tuple[int, ...]]) -> list[Scale]:
  """Colours; before them gray, where every modality has all three."""
  del name
  gray = [Scale('gray', gray=True, merged=3)] if {shape[-1] for shape in shapes} == {3} else []
  return [*gray, Scale('rgb')]


IMAGE = Sense(
  name='image',
  views='images',
  field='images',
  pose_field='cameras',
  encoder=_encoder,
  renderer=ImageRenderer,
  scale=_to_unit,
  unscale=_to_bytes,
  ranged=False,
  check=_check,
  grid=_quarter,
  measured=_measured,
  levels=255,
  scales=_scales,
  unit='pixels in [0, 1]',
  drawn_as_pixels=True,
)
