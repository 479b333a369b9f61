"""Images rendered from a volume: z becomes density, light and colour once, and every look marches
through it along the rays of its camera.

All images of a scene, and all modalities cut from them, look into one volume. It holds what is
within `RADIUS` of the origin, on a grid about half as fine as the image.

Dims: S episodes of a scene, B scenes, N = S B, V views, H W C image, h w latent grid, T Z latent
channels, G corners a side, L width, R rays.
"""

import functools
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import Dense
from gmn_jax.senses.image import ImageCut
from gmn_jax.senses.marching import Volume, march, pack
from gmn_jax.senses.modality import Modality
from gmn_jax.senses.rays import Rays, camera_axes, rays_of
from mese_env.errors import UserError

Array = jax.Array

# Metres. An object of six cubes reaches .108 from its middle, if it is a bar.
RADIUS = 0.11
# Blocks a side, each of which is decoded by itself from a code of its own.
_BLOCKS = 4
_COLOURS, _LIGHT = 3, 3
# Steeper than the decoder's last layer; the density starts as a fog that one sees through.
_GAIN, _START = 4.0, -4.0


def side_of(modalities: Sequence[Modality]) -> int:
  """G: half of the pixels of the canvas, a power of two from 16 to 32; of tiny canvases 8.

  Raises:
    UserError: a modality is no window of an image, or they are of several canvases.
  """
  for m in modalities:
    if not isinstance(m.cut, ImageCut):
      raise UserError(
        f"modality '{m.name}' is not cut by an ImageCut, so that no rays belong to its pixels; "
        "give it one, or use renderer='paper'."
      )
  canvases = {m.cut.canvas for m in modalities}
  if len(canvases) > 1:
    raise UserError(
      f'the modalities are cut from canvases of {sorted(canvases)} pixels, but one volume is '
      "rendered for all; give them one canvas, or use renderer='paper'."
    )
  half = 1 << (canvases.pop() - 1).bit_length() - 1
  return 8 if half < 8 else min(max(half, 16), 32)


class VolumeDecoder(nn.Module):
  """Latents (S, B, h, w, T Z) to volumes with rows (B, S, cells, numbers).

  Dense layers make a code for each block of the volume; from a code, halves of halves of the block
  are decoded by layers that all blocks share.

  Attributes:
    modalities: all that are cut from the image.
    width: L.
  """

  modalities: tuple[Modality, ...]
  width: int

  @nn.compact
  def __call__(self, latents_SBhwTZ: Array) -> Volume:
    side, blocks = side_of(self.modalities), _BLOCKS
    episodes, scenes = latents_SBhwTZ.shape[:2]
    x = latents_SBhwTZ.swapaxes(0, 1).reshape(scenes * episodes, -1)
    x = nn.relu(Dense(8 * self.width, name='first')(x))
    x = nn.relu(Dense(8 * self.width, name='second')(x))
    channels = 4 * self.width
    x = nn.relu(Dense(blocks**3 * channels, name='blocks')(x))
    x = x.reshape(-1, blocks, blocks, blocks, channels)
    while 2 * blocks < side:
      channels, blocks = max(8, channels // 2), 2 * blocks
      x = nn.relu(_halved(Dense(8 * channels, name=f'of_{blocks}')(x)))
    x = _halved(Dense(8 * (1 + _LIGHT + _COLOURS), name='voxels')(x))
    x = _GAIN * x.astype(jnp.promote_types(x.dtype, jnp.float32))
    density, light, colour = jnp.split(x, [1, 1 + _LIGHT], axis=-1)
    cell = 2 * RADIUS / (side - 1)
    volume = pack(
      nn.softplus(density[..., 0] + _START) / cell,
      nn.tanh(light),
      nn.sigmoid(colour),
      RADIUS,
    )
    rows = volume.rows.astype(latents_SBhwTZ.dtype)
    return volume._replace(rows=rows.reshape(scenes, episodes, *rows.shape[1:]))


class VolumeRenderer(nn.Module):
  """Renders one modality from volumes; it has no parameters of its own.

  Attributes:
    modality: what is rendered.
  """

  modality: Modality

  def __call__(
    self,
    volume: Volume,
    view_of_SBV: Array,
    query_BVQ: Array,
    chosen_BVR: Array | None = None,
  ) -> Array:
    """Means of the views, (B, V, *modality.shape), black where no episode is asked.

    Args:
      volume: of `VolumeDecoder`.
      view_of_SBV: 1 for the episode in whose volume a view looks, else 0.
      query_BVQ: embedded queries.
      chosen_BVR: numbers of `rays_through(modality)`, whose colours alone come back, (B, V, R, C).
    """
    rays, which_BV = rays_through(self.modality), view_of_SBV.argmax(axis=0)
    seen_BVRC = march(volume, camera_axes(query_BVQ), which_BV, rays, chosen_BVR)
    seen_BVRC = seen_BVRC[..., jnp.array(_cut(self.modality).channels)]
    seen_BVRC *= view_of_SBV.max(axis=0)[..., None, None]
    if chosen_BVR is not None:
      return seen_BVRC
    height, width, channels = self.modality.shape
    black = jnp.zeros((*query_BVQ.shape[:2], height * width, channels), seen_BVRC.dtype)
    image = black.at[:, :, rays.pixel_R].set(seen_BVRC, unique_indices=True)
    return image.reshape(*query_BVQ.shape[:2], height, width, channels)


@functools.cache
def rays_through(modality: Modality) -> Rays:
  """The rays through the pixels of a modality that meet the ball: all others are black."""
  return rays_of(_cut(modality), RADIUS, 3 * side_of([modality]) // 4)


def _cut(modality: Modality) -> ImageCut:
  assert isinstance(modality.cut, ImageCut)  # `side_of` has refused everything else.
  return modality.cut


def _halved(x: Array) -> Array:
  """Cells (N, b, b, b, 8 C) to their halves along each axis, (N, 2b, 2b, 2b, C)."""
  n, blocks, *_, channels = x.shape
  x = x.reshape(n, blocks, blocks, blocks, 2, 2, 2, channels // 8)
  return x.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(n, *[2 * blocks] * 3, channels // 8)
