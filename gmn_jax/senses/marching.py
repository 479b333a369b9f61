"""Marching: what rays see of a volume of density, colour and light.

A ray takes from each of its samples the share that the samples before it let through:

  image = sum_k T_k (1 - exp(-density_k spacing)) colour_k max(0, 1 + light_k . forward),
  T_k = exp(-spacing sum_{j<k} density_j),

on a black background. Density is interpolated between the corners of a cell, which is trilinear;
colour and light are constant in a cell. All that is known of a cell is in one row of a table, so
that a sample reads memory once.

Dims: N volumes, G corners a side, X cells, (G - 1)^3, C colours, F numbers of a row, B scenes,
V views, R rays, K samples of a ray.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.senses.rays import Rays

Array = jax.Array
_CORNERS = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
_LIGHT = 3  # a vector
# Samples whose rows are held at once, 64 bytes each in float32.
_AT_ONCE = 2**20


class Volume(NamedTuple):
  """What space around the origin holds, ready for marching.

  Attributes:
    rows: (..., X, F): of each cell the density at its corners, per metre, its light and its colour.
    side: G.
    radius: half of the volume's side, metres.
  """

  rows: Array
  side: int
  radius: float


def pack(density_NGGG: Array, light_NGGG3: Array, colour_NGGGC: Array, radius: float) -> Volume:
  """Volumes from what they hold at corners; light and colour are those of a cell's first corner.

  Args:
    density_NGGG: per metre, not negative.
    light_NGGG3: by how much a thing is brighter per unit of the direction in which it is seen.
    colour_NGGGC: of what is there.
    radius: half of a volume's side, metres.
  """
  n, side = density_NGGG.shape[:2]
  cells = side - 1

  def from_corner(x: Array, *corner: int) -> Array:
    return x[:, *(slice(start, start + cells) for start in corner)]

  parts = [from_corner(density_NGGG, *corner)[..., None] for corner in _CORNERS]
  parts += [from_corner(x, 0, 0, 0) for x in (light_NGGG3, colour_NGGGC)]
  return Volume(jnp.concatenate(parts, axis=-1).reshape(n, cells**3, -1), side, radius)


def march(volume: Volume, axes_BV33: Array, which_BV: Array, rays: Rays) -> Array:
  """What views see, (B, V, R, C), in float32 at least.

  Args:
    volume: with rows (B, S, X, F), S of a scene.
    axes_BV33: of the cameras, `rays.camera_axes`.
    which_BV: int, in which of a scene's volumes each view looks.
    rays: of every view.
  """
  batch, views = which_BV.shape
  samples = batch * rays.points_3KR[0].size
  step = jax.checkpoint(lambda view: _march(volume, *view, rays))
  by_view = axes_BV33.swapaxes(0, 1), which_BV.T
  seen_VBRC = jax.lax.map(step, by_view, batch_size=min(views, max(1, _AT_ONCE // samples)))
  return seen_VBRC.swapaxes(0, 1)


def _march(volume: Volume, axes_B33: Array, which_B: Array, rays: Rays) -> Array:
  """What one view of each scene sees, (B, R, C)."""
  wide = jnp.promote_types(volume.rows.dtype, jnp.float32)
  axes_B33 = axes_B33.astype(wide)
  index_BKR, within = _places(volume, axes_B33, rays)
  scenes, of_scene, cells, numbers = volume.rows.shape
  first_B = (jnp.arange(scenes) * of_scene + which_B) * cells
  rows = volume.rows.reshape(-1, numbers)
  rows_BKRF = rows.at[first_B[:, None, None] + index_BKR].get(mode='promise_in_bounds').astype(wide)
  density_BKR = sum(
    rows_BKRF[..., n] * math.prod(w if at else 1 - w for at, w in zip(corner, within, strict=True))
    for n, corner in enumerate(_CORNERS)
  )
  light = [rows_BKRF[..., len(_CORNERS) + n] for n in range(_LIGHT)]
  forward = axes_B33[:, 0, :, None, None]
  brightness_BKR = jax.nn.relu(1 + sum(light[n] * forward[:, n] for n in range(_LIGHT)))
  weight_BKR = _shares(density_BKR * rays.spacing_R) * brightness_BKR
  colours = range(len(_CORNERS) + _LIGHT, rows_BKRF.shape[-1])
  return jnp.stack([(weight_BKR * rows_BKRF[..., n]).sum(1) for n in colours], axis=-1)


def _places(volume: Volume, axes_B33: Array, rays: Rays) -> tuple[Array, list[Array]]:
  """In which cell each sample is, (B, K, R), and where in it along each axis, in [0, 1]."""
  index, within = 0, []
  for axis in range(3):
    metres_BKR = sum(rays.points_3KR[n] * axes_B33[:, n, axis, None, None] for n in range(3))
    last = volume.side - 1
    # Rounding carries samples at the ball's rim over the edge, and axes that are none any.
    place = jnp.clip((metres_BKR / volume.radius + 1) * (last / 2), 0, last)
    cell = jnp.minimum(jnp.floor(place), last - 1)
    within.append(place - cell)
    index = index * last + cell.astype(jnp.int32)
  return index, within


def _shares(depth_BKR: Array) -> Array:
  """The part of each ray that ends in each sample, from the samples' optical depths."""
  shares, through = [], jnp.ones_like(depth_BKR[:, 0])
  for k in range(depth_BKR.shape[1]):
    passed = jnp.exp(-depth_BKR[:, k])
    shares.append(through * (1 - passed))
    through *= passed
  return jnp.stack(shares, axis=1)
