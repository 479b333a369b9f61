"""Modalities: which parts of the raw senses the model treats as senses of their own.

The dataset stores whole images and whole haptic vectors; a tuple of `Modality` says how they are
cut, and is all that
the model takes. A new one is a few lines::

  thumb = Modality('thumb', 'haptic', HapticCut(indices=(3, 4, 5, 6)), shape=(4,))

Dims: B scenes, V views, H W C image, D haptic length.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

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
    """(..., H, W, C) floats to (..., rows, columns, channels)."""
    seen = centre(image, self.canvas, self.field)
    window = seen[..., slice(*self.rows), slice(*self.columns), :]
    return window[..., jnp.array(self.channels)]


@dataclasses.dataclass(frozen=True)
class HapticCut:
  """Some channels of the haptic vector, in the order of `indices`."""

  indices: tuple[int, ...]

  def __call__(self, haptic: Array) -> Array:
    """(..., 132) floats to (..., D)."""
    return haptic[..., jnp.array(self.indices)]


@dataclasses.dataclass(frozen=True)
class Modality:
  """A part of the senses with its own encoder, renderer and expert.

  Attributes:
    name: names its parameters and its metrics.
    kind: which raw sense it is cut from, and so which encoder and renderer it gets.
    cut: maps the raw sense (images in [0, 1], or scaled haptics) to this modality's, over any
      leading dims.
    shape: the result's: (H, W, C) for an image, H and W divisible by four; (D,) for haptics.
  """

  name: str
  kind: Literal['image', 'haptic']
  cut: Callable[[Array], Array]
  shape: tuple[int, ...]

  def __post_init__(self):
    if self.kind not in ('image', 'haptic'):
      raise UserError(f"modality '{self.name}' is of kind '{self.kind}'; use 'image' or 'haptic'.")
    if self.kind == 'image' and (len(self.shape) != 3 or self.shape[0] % 4 or self.shape[1] % 4):
      raise UserError(
        f"image modality '{self.name}' has shape {self.shape}; it needs "
        '(height, width, channels) with height and width divisible by four.'
      )

  @property
  def size(self) -> int:
    """How many numbers one view holds."""
    return math.prod(self.shape)


def centre(image: Array, size: int, field: float = 1.0) -> Array:
  """The centre `field` of square images (..., H, H, C), resized to (..., size, size, C),
  antialiased and bilinear.
  """
  *lead, height, width, channels = image.shape
  if (height, width, field) == (size, size, 1.0):
    return image
  scale = size / (field * height)
  seen = jax.image.scale_and_translate(
    image.reshape(-1, height, width, channels),
    (math.prod(lead), size, size, channels),
    spatial_dims=(1, 2),
    scale=jnp.array([scale, scale], image.dtype),
    translation=jnp.full(2, size / 2 - scale * height / 2, image.dtype),
    method='linear',
    antialias=True,
  )
  return seen.reshape(*lead, size, size, channels)


def latent_grid(modalities: tuple[Modality, ...]) -> tuple[int, int]:
  """Rows and columns of the latent grid: a quarter of the image modalities', which must agree."""
  grids = {(m.shape[0] // 4, m.shape[1] // 4) for m in modalities if m.kind == 'image'}
  if len(grids) != 1:
    raise UserError(
      f'the modalities {[m.name for m in modalities]} imply the latent grids {sorted(grids)}; '
      'give them image modalities of one height and width.'
    )
  return grids.pop()


def scale_haptic(haptic: Array, low: Array, high: Array) -> Array:
  """x' = (x - min) / (0.5 max(0.1, max - min)) - 1, elementwise, not clipped; (..., 132)."""
  return (haptic - low) / (0.5 * jnp.maximum(0.1, high - low)) - 1


def unscale_haptic(scaled: Array, low: Array, high: Array) -> Array:
  """Undoes `scale_haptic`."""
  return (scaled + 1) * (0.5 * jnp.maximum(0.1, high - low)) + low


def embed_query(query: Array) -> Array:
  """Pose (x, y, z, pitch, yaw), metres and radians, (..., 5), to x y z cos sin cos sin, (...,
  7).
  """
  pitch, yaw = query[..., 3], query[..., 4]
  angles = [jnp.cos(pitch), jnp.sin(pitch), jnp.cos(yaw), jnp.sin(yaw)]
  return jnp.concatenate([query[..., :3], jnp.stack(angles, axis=-1)], axis=-1)
