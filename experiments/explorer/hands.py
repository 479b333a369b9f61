"""The hand as it closed on an object: the convex hulls of the links that the simulator collides.

Dims: P points of a link, F triangles.
"""

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.spatial

from experiments.explorer import things
from experiments.explorer.ways import GRASP, Angles
from mese_env import engine
from mese_env.hand import HAND_GROUP

if TYPE_CHECKING:
  import mujoco

_ROUND = 10  # points around a capsule's or a cylinder's end


class Mesh(NamedTuple):
  """Triangles in the world.

  Attributes:
    vertices: (P, 3), metres.
    faces: (F, 3), indices of vertices, seen from outside anticlockwise.
  """

  vertices: np.ndarray
  faces: np.ndarray


@functools.lru_cache(maxsize=256)
def closed_hand(number: int, cubes: int, angles: Angles) -> Mesh:
  """The hand that a grasp from there leaves.

  Args:
    number: of the object.
    cubes: of the object.
    angles: from where.
  """
  world = things.world(number, cubes)
  world.grasp(GRASP.pose(angles))
  model, data = world.model, world.data
  links = [
    _convex(_corners(model, geom) @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom])
    for geom in map(int, np.flatnonzero(model.geom_group == HAND_GROUP))
  ]
  starts = np.cumsum([0, *(len(link.vertices) for link in links)])
  faces = [link.faces + start for link, start in zip(links, starts[:-1], strict=True)]
  return Mesh(np.concatenate([link.vertices for link in links]), np.concatenate(faces))


def _corners(model: 'mujoco.MjModel', geom: int) -> np.ndarray:
  """Points (P, 3) whose convex hull is a geom, in its own frame."""
  kinds, size = engine.import_mujoco().mjtGeom, model.geom_size[geom]
  kind = model.geom_type[geom]
  if kind == kinds.mjGEOM_MESH:
    mesh = model.geom_dataid[geom]
    start = model.mesh_vertadr[mesh]
    return model.mesh_vert[start : start + model.mesh_vertnum[mesh]].astype(np.float64)
  if kind == kinds.mjGEOM_BOX:
    return size * np.stack(np.meshgrid(*[(-1, 1)] * 3), axis=-1).reshape(-1, 3)
  # A capsule's ends are round, a cylinder's are flat.
  levels = np.radians([0, 30, 60, 85]) if kind == kinds.mjGEOM_CAPSULE else np.zeros(1)
  around = np.arange(_ROUND) * 2 * np.pi / _ROUND
  ring = np.stack([np.cos(around), np.sin(around)], axis=-1)
  ends = []
  for level in levels:
    flat = size[0] * np.cos(level) * ring
    height = np.full((_ROUND, 1), size[1] + size[0] * np.sin(level))
    ends += [np.hstack([flat, height]), np.hstack([flat, -height])]
  return np.concatenate(ends)


def _convex(points: np.ndarray) -> Mesh:
  hull = scipy.spatial.ConvexHull(points)
  faces = hull.simplices.copy()
  # Qhull leaves the order of corners open; its equations tell where outside is.
  first, second, third = (points[faces[:, i]] for i in range(3))
  inward = np.sum(np.cross(second - first, third - first) * hull.equations[:, :3], axis=1) < 0
  faces[inward] = faces[inward][:, ::-1]
  return Mesh(points, faces)
