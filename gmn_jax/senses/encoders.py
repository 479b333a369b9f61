"""Encoders: one view of one modality, with its query, to a representation on the latent grid.

Dims: N views, H W C image, D haptic length, h w latent grid, R representation channels, Q query
numbers (7).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import Conv, Dense, HalvingConv, ResidualConv, ResidualDense

Array = jax.Array


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


class HapticEncoder(nn.Module):
  """Haptics (N, D) and query (N, Q) to (N, h, w, R), R = 4 `width`."""

  width: int
  grid: tuple[int, int]

  @nn.compact
  def __call__(self, haptic: Array, query: Array) -> Array:
    x = nn.relu(Dense(8 * self.width)(haptic))
    x = nn.relu(ResidualDense(4 * self.width)(x))
    x = nn.relu(Dense(8 * self.width)(x))
    x = jnp.concatenate([x, query.astype(x.dtype)], axis=-1)
    x = nn.relu(ResidualDense(4 * self.width)(x))
    x = nn.relu(Dense(8 * self.width)(x))
    x = nn.relu(Dense(4 * self.width * self.grid[0] * self.grid[1])(x))
    return x.reshape(-1, *self.grid, 4 * self.width)
