"""An analytic ray caster for objects made of axis-aligned cubes: no OpenGL, MuJoCo's own pixels.

A ray meets a cube by the slab test. Where it does, the surface is lit as MuJoCo's fixed pipeline
lights it (MESE's lamps, `lighting`): with unit normal n, camera forward f, direction l to the
lamp, half vector h of l and the direction to the camera, and surface colour c,

  c * (.1 + .6 max(0, -n.f)) + l_z^10 V [c * .7 max(0, n.l) + .3 * .5 max(0, n.h)^64],

clamped to [0, 1]; V is 0 where a cube hides the lamp.

`render` is for NumPy and follows only the rays that can meet the object. `render_dense` draws the
same picture from the same steps with every ray, in shapes known beforehand, so that with
`xp=jax.numpy` it can be jitted and vmapped. Inside, coordinates lead: (3, R) for R rays.
"""

import types
from typing import Any

import numpy as np

from mese_env import lighting, shapes

SAMPLES = 2  # per pixel and axis
CIRCUMRADIUS = shapes.HALF_EXTENT * np.sqrt(3)  # metres, of a cube

Array = Any  # of the namespace `xp`

_TANGENT = np.tan(np.radians(lighting.FIELD_OF_VIEW / 2))
_SHADOW_OFFSET = 1e-5  # metres off the surface, so that a cube does not shadow itself
_PARALLEL = 1e-12  # smallest direction component that the slab test divides by


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
  directions = rays(frame, rows, columns, size, np)
  distance, block = _first_hit(position, directions, centres, np)
  hit = np.flatnonzero(distance < np.inf)
  lit = _shade(position, directions[:, hit], distance[hit], block[hit], centres, colours, frame, np)
  samples = np.zeros((3, size * size))
  samples[:, (size * rows[:, None] + columns).ravel()[hit]] = lit
  return to_pixels(samples, image_size, np)


def render_dense(
  centres: Array,
  colours: Array,
  position: Array,
  frame: Array,
  image_size: int,
  xp: types.ModuleType = np,
) -> Array:
  """Draws what `render` draws by following every ray.

  Args:
    centres: as for `render`.
    colours: as for `render`.
    position: as for `render`.
    frame: as for `render`.
    image_size: as for `render`.
    xp: array namespace to compute in, `numpy` or `jax.numpy`.

  Returns:
    uint8 (image_size, image_size, 3).
  """
  size = image_size * SAMPLES
  every = np.arange(size)
  directions = rays(frame, every, every, size, xp)
  distance, block = _first_hit(position, directions, centres, xp)
  hit = distance < xp.inf
  distance = xp.where(hit, distance, 1)
  lit = _shade(position, directions, distance, block, centres, colours, frame, xp)
  return to_pixels(xp.where(hit, lit, 0), image_size, xp)


def rays(
  frame: Array,
  rows: np.ndarray,
  columns: np.ndarray,
  size: int,
  xp: types.ModuleType,
  tangent: float = _TANGENT,
) -> Array:
  """Unit directions (3, R), row-major, through the given rows and columns of a size x size grid.

  Args:
    frame: (3, 3), of the camera: forward, left, up as columns.
    rows: of the grid, the first one on top.
    columns: of the grid, the first one on the left.
    size: of the grid.
    xp: array namespace.
    tangent: of half the field of view.
  """
  left = xp.asarray(tangent * (1 - (2 * columns + 1) / size))
  up = xp.asarray(tangent * (1 - (2 * rows + 1) / size))[:, None]
  forward, leftward, upward = xp.moveaxis(frame, -1, 0)[..., None, None]
  directions = (forward + up * upward) + left * leftward
  return (directions / xp.sqrt(1 + up**2 + left**2)).reshape(3, -1)


def light(
  colours: Array,
  normals: Array,
  directions: Array,
  to_lamp: Array,
  visible: Array,
  forward: Array,
  xp: types.ModuleType,
) -> Array:
  """Colours (3, R) in [0, 1] of lit points; see the module's docstring.

  Args:
    colours: (3, R), of the surfaces.
    normals: (3, R), unit.
    directions: (3, R), unit, from the camera to the points.
    to_lamp: (3, R), unit.
    visible: (R,), whether the lamp shines on the point.
    forward: (3, 1), of the camera.
    xp: array namespace.
  """
  half = to_lamp - directions
  half = half / xp.sqrt(_dot(half, half))
  spot = visible * to_lamp[2] ** lighting.LAMP_EXPONENT
  head = xp.maximum(-_dot(forward, normals), 0)
  lambert = xp.maximum(_dot(normals, to_lamp), 0)
  highlight = xp.maximum(_dot(normals, half), 0) ** lighting.MATERIAL_SHININESS

  matt = lighting.HEADLIGHT_AMBIENT + lighting.HEADLIGHT_DIFFUSE * head
  matt = matt + lighting.LAMP_DIFFUSE * spot * lambert
  gloss = lighting.LAMP_SPECULAR * lighting.MATERIAL_SPECULAR * spot * highlight
  return xp.minimum(colours * matt + gloss, 1)


def to_pixels(samples: Array, image_size: int, xp: types.ModuleType) -> Array:
  """Averages samples (3, R) of a grid, `SAMPLES` a pixel and axis, to a uint8 picture."""
  grid = samples.reshape(3, image_size, SAMPLES, image_size, SAMPLES)
  return xp.moveaxis(xp.round(255 * grid.mean(axis=(2, 4))), 0, -1).astype(xp.uint8)


def _first_hit(
  origin: Array, directions: Array, centres: Array, xp: types.ModuleType
) -> tuple[Array, Array]:
  # Distance (R,) from one point along each ray to a cube, infinite on a miss, and which cube.
  near, far = _slabs(origin[:, None], directions, centres, xp)
  entry = xp.where(near <= far, near, xp.inf)
  return xp.min(entry, axis=0), xp.argmin(entry, axis=0)


def _slabs(
  origins: Array, directions: Array, centres: Array, xp: types.ModuleType
) -> tuple[Array, Array]:
  # Distances (n, R) at which each ray has entered, and first leaves, a cube's three slabs.
  inverse = 1 / xp.where(xp.abs(directions) < _PARALLEL, _PARALLEL, directions)
  reach = shapes.HALF_EXTENT * xp.abs(inverse)
  start = origins * inverse
  near, far = -xp.inf, xp.inf
  for axis in range(3):
    middle = centres[:, axis, None] * inverse[axis] - start[axis]
    near = xp.maximum(near, middle - reach[axis])
    far = xp.minimum(far, middle + reach[axis])
  return near, far


def _shade(
  origin: Array,
  directions: Array,
  distance: Array,
  block: Array,
  centres: Array,
  colours: Array,
  frame: Array,
  xp: types.ModuleType,
) -> Array:
  # Colours (3, R) in [0, 1] of what rays from one point meet at a distance (R,) on a cube (R,).
  points = origin[:, None] + distance * directions
  outward = points - centres[block].T
  # A point of a cube's surface lies farthest from the centre along the normal of its face.
  face = xp.argmax(xp.abs(outward), axis=0)
  normals = xp.where(face == xp.arange(3)[:, None], xp.sign(outward), 0)
  to_lamp = xp.asarray(lighting.LAMP_POSITION)[:, None] - points
  to_lamp = to_lamp / xp.sqrt(_dot(to_lamp, to_lamp))

  near, far = _slabs(points + _SHADOW_OFFSET * normals, to_lamp, centres, xp)
  visible = ~xp.any((near <= far) & (far > 0), axis=0)
  return light(colours[block].T, normals, directions, to_lamp, visible, frame[:, :1], xp)


def _dot(a: Array, b: Array) -> Array:
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _object_window(
  centres: np.ndarray, position: np.ndarray, frame: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
  # Rows and columns of the samples that the cubes' circumscribed spheres can cover.
  forward, left, up = ((centres - position) @ frame).T
  depth = (forward + CIRCUMRADIUS * np.array([[-1], [1]])) * _TANGENT
  windows = []
  for offset in (-up, -left):
    low = np.min((offset - CIRCUMRADIUS) / depth)
    high = np.max((offset + CIRCUMRADIUS) / depth)
    first, last = (np.array([low, high]) + 1) / 2 * size
    windows.append(np.arange(max(int(first) - 1, 0), min(int(last) + 2, size)))
  return windows[0], windows[1]
