"""Marching: what rays see of a volume of density, colour and light.

A ray takes from each of its samples the share that the samples before it let through:

  image = sum_k T_k (1 - exp(-density_k spacing)) colour_k max(0, 1 + light_k . forward),
  T_k = exp(-spacing sum_{j<k} density_j),

on a black background. Density is interpolated between the corners of a cell, which is trilinear;
colour and light are constant in a cell. All that is known of a cell is in one row of a table, so
that a sample reads memory once.

Dims: N volumes or views, G corners a side, X cells of a volume or of all, C colours, F numbers of a
row, B scenes, S volumes of a scene, V views, R rays, K samples of a ray.
"""

import functools
import math
import operator
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.senses.rays import Rays

Array = jax.Array
_CORNERS = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
# Where in a row the light begins, a vector, and behind it the colour.
_LIGHT_AT = len(_CORNERS)
_COLOUR_AT = _LIGHT_AT + 3
# Samples whose rows may be held at once, 64 bytes each in float32; else views follow each other.
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


def march(
  volume: Volume,
  axes_BV33: Array,
  which_BV: Array,
  rays: Rays,
  chosen_BVR: Array | None = None,
) -> Array:
  """What views see, (B, V, R, C), in float32 at least.

  Args:
    volume: with rows (B, S, X, F).
    axes_BV33: of the cameras, `rays.camera_axes`.
    which_BV: int, in which of a scene's volumes each view looks.
    rays: of a view.
    chosen_BVR: int, the numbers of those that each view follows; None: all.
  """
  scenes, views = which_BV.shape
  _, of_scene, cells, numbers = volume.rows.shape
  rows_XF = volume.rows.reshape(-1, numbers)
  first_BV = (jnp.arange(scenes)[:, None] * of_scene + which_BV) * cells

  def seen(axes_N33: Array, first_N: Array, chosen_NR: Array | None) -> Array:
    return _march(volume._replace(rows=rows_XF), axes_N33, first_N, _Samples.of(rays, chosen_NR))

  samples, all_rays = rays.points_3KR.shape[1:]
  each = all_rays if chosen_BVR is None else chosen_BVR.shape[2]
  of_views = axes_BV33, first_BV, chosen_BVR
  if scenes * views * samples * each <= _AT_ONCE:
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), of_views)
    return seen(*flat).reshape(scenes, views, each, -1)
  view_by_view = jax.tree.map(lambda x: x.swapaxes(0, 1), of_views)
  seen_VBRC = jax.lax.map(lambda view: jax.checkpoint(seen)(*view), view_by_view)
  return seen_VBRC.swapaxes(0, 1)


class _Samples(NamedTuple):
  """The samples of the rays of N views, or of one for all: (3, N, K, R), and spacings (N, 1, R)."""

  points_3NKR: Array
  spacing_N1R: Array

  @classmethod
  def of(cls, rays: Rays, chosen_NR: Array | None) -> '_Samples':
    points_3KR, spacing_R = jnp.asarray(rays.points_3KR), jnp.asarray(rays.spacing_R)
    if chosen_NR is None:
      return cls(points_3KR[:, None], spacing_R[None, None])
    return cls(jnp.moveaxis(points_3KR[..., chosen_NR], 1, 2), spacing_R[chosen_NR][:, None])


def _march(volume: Volume, axes_N33: Array, first_N: Array, samples: _Samples) -> Array:
  """What N views see, (N, R, C), each in the volume whose first row is `first_N`."""
  wide = jnp.promote_types(volume.rows.dtype, jnp.float32)
  axes_N33 = axes_N33.astype(wide)
  index_NKR, within = _places(volume, axes_N33, samples)
  read = _read(volume.rows, first_N[:, None, None] + index_NKR)
  corners, light, colours = read[:_LIGHT_AT], read[_LIGHT_AT:_COLOUR_AT], read[_COLOUR_AT:]
  density_NKR = _total(
    held.astype(wide) * math.prod(w if at else 1 - w for at, w in zip(corner, within, strict=True))
    for held, corner in zip(corners, _CORNERS, strict=True)
  )
  towards = (x_NKR.astype(wide) * axes_N33[:, 0, n, None, None] for n, x_NKR in enumerate(light))
  brightness_NKR = jax.nn.relu(1 + _total(towards))
  weight_NKR = _shares(density_NKR * samples.spacing_N1R) * brightness_NKR
  return jnp.stack([(weight_NKR * colour.astype(wide)).sum(1) for colour in colours], axis=-1)


@jax.custom_vjp
def _read(rows_XF: Array, index: Array) -> tuple[Array, ...]:
  """The F numbers of some rows, each an array of the index's shape.

  Number by number XLA fuses the reading into what is computed of it. The gradient is added row by
  row: number by number that took longer.
  """
  at = [rows_XF[:, n].at[index] for n in range(rows_XF.shape[-1])]
  return tuple(numbers.get(mode='promise_in_bounds') for numbers in at)


def _read_forward(rows_XF: Array, index: Array) -> tuple[tuple[Array, ...], tuple[Array, Array]]:
  return _read(rows_XF, index), (rows_XF, index)


def _read_backward(saved: tuple[Array, Array], grads: tuple[Array, ...]) -> tuple[Array, None]:
  rows_XF, index = saved
  # Thousands of samples may be in one cell.
  wide = jnp.zeros(rows_XF.shape, jnp.promote_types(rows_XF.dtype, jnp.float32))
  grad_XF = wide.at[index].add(jnp.stack(grads, axis=-1), mode='promise_in_bounds')
  return grad_XF.astype(rows_XF.dtype), None


_read.defvjp(_read_forward, _read_backward)


def _places(volume: Volume, axes_N33: Array, samples: _Samples) -> tuple[Array, list[Array]]:
  """In which cell each sample is, (N, K, R), and where in it along each axis, in [0, 1]."""
  last, cells, within = volume.side - 1, [], []
  for axis in range(3):
    metres_NKR = _total(samples.points_3NKR[n] * axes_N33[:, n, axis, None, None] for n in range(3))
    # Rounding carries samples at the ball's rim over the edge, and axes that are none any.
    place = jnp.clip((metres_NKR / volume.radius + 1) * (last / 2), 0, last)
    cell = jnp.minimum(jnp.floor(place), last - 1)
    within.append(place - cell)
    cells.append(cell.astype(jnp.int32))
  x, y, z = cells
  return (x * last + y) * last + z, within


def _shares(depth_NKR: Array) -> Array:
  """The part of each ray that ends in each sample, from the samples' optical depths."""
  shares, through = [], jnp.ones_like(depth_NKR[:, 0])
  for k in range(depth_NKR.shape[1]):
    passed = jnp.exp(-depth_NKR[:, k])
    shares.append(through * (1 - passed))
    through *= passed
  return jnp.stack(shares, axis=1)


def _total(parts: Iterable[Array]) -> Array:
  return functools.reduce(operator.add, parts)
