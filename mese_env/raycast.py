"""An analytic ray caster for objects made of axis-aligned cubes: no OpenGL, MuJoCo's own pixels.

A ray meets a cube by the slab test. Where it does, the surface is lit as MuJoCo's fixed pipeline
lights it (MESE's lamps, `lighting`): with unit normal n, camera forward f, direction l to the
lamp, half vector h of l and the direction to the camera, and surface colour c,

  c * (.1 + .6 max(0, -n.f)) + l_z^10 V [c * .7 max(0, n.l) + .3 * .5 max(0, n.h)^64],

clamped to [0, 1]; V is 0 where a cube hides the lamp. `pixel_rays`, `first_hit` and `shade` take
the array namespace to compute in (`numpy` or `jax.numpy`) and have shapes that depend on shapes only,
so `render_dense` can be jitted and vmapped; `render` is the fast form for NumPy, which follows only
the rays that can meet the object.
"""

import types
from typing import Any

import numpy as np

from mese_env import lighting, shapes

SAMPLES = 2  # per pixel and axis

Array = Any  # of the namespace `xp`

_TANGENT = np.tan(np.radians(lighting.FIELD_OF_VIEW / 2))
_SHADOW_OFFSET = 1e-6  # metres off the surface, so that a cube does not shadow itself
_PARALLEL = 1e-12  # smallest direction component the slab test divides by
_CIRCUMRADIUS = shapes.HALF_EXTENT * np.sqrt(3)


def render(
    centres: np.ndarray,
    colours: np.ndarray,
    position: np.ndarray,
    frame: np.ndarray,
    image_size: int,
) -> np.ndarray:
  """Draws an object seen by one camera.

  Args:
    centres: (n, 3), of the cubes, metres.
    colours: (n, 3), red, green, blue in [0, 1].
    position: (3,), of the camera, metres.
    frame: (3, 3), its axes as columns: forward, left, up (`poses.camera_pose`).
    image_size: pixels per side.

  Returns:
    uint8 (image_size, image_size, 3).
  """
  size = image_size * SAMPLES
  rows, columns = _object_window(centres, position, frame, size)
  directions = pixel_rays(frame, rows, columns, size, np).reshape(-1, 3)
  distance, block, normals = first_hit(position, directions, centres, np)
  hit = np.flatnonzero(np.isfinite(distance))
  points = position + distance[hit, None] * directions[hit]
  samples = np.zeros((size * size, 3))
  index = (rows[:, None] * size + columns[None, :]).reshape(-1)
  samples[index[hit]] = shade(
      points, directions[hit], normals[hit], colours[block[hit]], frame, centres, np
  )
  return _to_pixels(samples, image_size, np)


def render_dense(
    centres: Array,
    colours: Array,
    position: Array,
    frame: Array,
    image_size: int,
    xp: types.ModuleType = np,
) -> Array:
  """Draws what `render` draws, following every ray; all shapes are known beforehand.

  Args are those of `render` and the array namespace `xp`.
  """
  size = image_size * SAMPLES
  axis = np.arange(size)
  directions = pixel_rays(frame, axis, axis, size, xp).reshape(-1, 3)
  distance, block, normals = first_hit(position, directions, centres, xp)
  hit = xp.isfinite(distance)[:, None]
  points = position + xp.where(hit, distance[:, None], 0) * directions
  lit = shade(points, directions, normals, colours[block], frame, centres, xp)
  return _to_pixels(xp.where(hit, lit, 0), image_size, xp)


def pixel_rays(
    frame: Array, rows: Array, columns: Array, size: int, xp: types.ModuleType
) -> Array:
  """Returns the unit directions (R, C, 3) through given rows and columns of a size x size grid."""
  left = _TANGENT * (1 - (2 * xp.asarray(columns) + 1) / size)
  up = _TANGENT * (1 - (2 * xp.asarray(rows) + 1) / size)
  directions = frame[:, 0] + up[:, None, None] * frame[:, 2] + left[:, None] * frame[:, 1]
  return directions / xp.sqrt(xp.sum(directions**2, axis=-1, keepdims=True))


def first_hit(
    origin: Array, directions: Array, centres: Array, xp: types.ModuleType
) -> tuple[Array, Array, Array]:
  """Finds where rays from one point first meet a cube.

  Args:
    origin: (3,), outside every cube.
    directions: (R, 3), unit.
    centres: (n, 3), of the cubes.
    xp: array namespace.

  Returns:
    Distance (R,), infinite on a miss; index of the cube (R,); outward unit normal (R, 3).
  """
  near, far = _slabs(origin, directions, centres, xp)
  entry = xp.max(near, axis=-1)
  met = (entry <= xp.min(far, axis=-1)) & (entry > 0)
  entry = xp.where(met, entry, xp.inf)
  block = xp.argmin(entry, axis=1)
  every = xp.arange(len(directions))
  face = xp.argmax(near[every, block], axis=-1)
  normals = -xp.sign(directions) * (face[:, None] == xp.arange(3))
  return entry[every, block], block, normals


def shade(
    points: Array,
    directions: Array,
    normals: Array,
    colours: Array,
    frame: Array,
    centres: Array,
    xp: types.ModuleType,
) -> Array:
  """Lights surface points by the module's formula.

  Args:
    points: (R, 3), metres.
    directions: (R, 3), of the rays that found them.
    normals: (R, 3), outward.
    colours: (R, 3), of the surface, in [0, 1].
    frame: (3, 3), of the camera.
    centres: (n, 3), of the cubes, for the shadows.
    xp: array namespace.

  Returns:
    (R, 3), red, green, blue in [0, 1].
  """
  to_lamp = xp.asarray(lighting.LAMP_POSITION) - points
  lamp_distance = xp.sqrt(xp.sum(to_lamp**2, axis=-1, keepdims=True))
  to_lamp = to_lamp / lamp_distance
  half = to_lamp - directions
  half = half / xp.sqrt(xp.sum(half**2, axis=-1, keepdims=True))
  head = xp.maximum(-normals @ frame[:, 0], 0)[:, None]
  lambert = xp.maximum(xp.sum(normals * to_lamp, axis=-1, keepdims=True), 0)
  glint = xp.maximum(xp.sum(normals * half, axis=-1, keepdims=True), 0)
  highlight = lighting.MATERIAL_SPECULAR * glint**lighting.MATERIAL_SHININESS
  near, far = _slabs(points + _SHADOW_OFFSET * normals, to_lamp, centres, xp)
  blocked = (xp.max(near, axis=-1) <= xp.min(far, axis=-1)) & (xp.min(far, axis=-1) > 0)
  seen = ~xp.any(blocked, axis=1, keepdims=True)
  spot = seen * to_lamp[:, 2:] ** lighting.LAMP_EXPONENT
  ambient = lighting.HEADLIGHT_AMBIENT + lighting.HEADLIGHT_DIFFUSE * head
  lamp = lighting.LAMP_DIFFUSE * lambert * colours + lighting.LAMP_SPECULAR * highlight
  return xp.minimum(colours * ambient + spot * lamp, 1)


def _slabs(
    origins: Array, directions: Array, centres: Array, xp: types.ModuleType
) -> tuple[Array, Array]:
  # Distances (R, n, 3) at which each ray enters and leaves each pair of a cube's faces.
  small = xp.abs(directions) < _PARALLEL
  inverse = 1 / xp.where(small, _PARALLEL, directions)
  middle = (centres - origins[..., None, :]) * inverse[:, None, :]
  reach = shapes.HALF_EXTENT * xp.abs(inverse)[:, None, :]
  return middle - reach, middle + reach


def _object_window(
    centres: np.ndarray, position: np.ndarray, frame: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
  # Rows and columns of the samples that the cubes' circumscribed spheres can cover.
  seen = (centres - position) @ frame
  depth = seen[:, 0] - _CIRCUMRADIUS
  windows = []
  for offset in (-seen[:, 2], -seen[:, 1]):
    low = np.min((offset - _CIRCUMRADIUS) / depth) / _TANGENT
    high = np.max((offset + _CIRCUMRADIUS) / depth) / _TANGENT
    first, last = (np.array([low, high]) + 1) / 2 * size
    windows.append(np.arange(max(int(first) - 1, 0), min(int(last) + 2, size)))
  return windows[0], windows[1]


def _to_pixels(samples: Array, image_size: int, xp: types.ModuleType) -> Array:
  grid = samples.reshape(image_size, SAMPLES, image_size, SAMPLES, 3)
  return xp.round(255 * grid.mean(axis=(1, 3))).astype(xp.uint8)
