"""The imagined object in space: where most samples have it, coloured as the views see it.

A point is where an object is if no camera sees the dark background behind it. Of K samples each
says so for itself, and their mean is the point's opacity: they agree on what is known.

Dims: K samples, Q cameras, S side of an image, N points.
"""

import functools
from typing import NamedTuple

import numpy as np
import scipy.sparse

from experiments.explorer.things import AROUND
from experiments.explorer.ways import LOOK
from mese_env import lighting, poses

REACH, SPACING = 0.105, 0.0075  # metres, of the grid of points
_BRIGHT = 0.3  # of a pixel that is surely of an object
_LIT = 1.5  # by which colours are brightened
_LEAST = 0.08  # opacity that is still seen
_MOST = 5000  # points that are shown: a machine without a GPU draws them too
_TANGENT = float(np.tan(np.radians(lighting.FIELD_OF_VIEW / 2)))


class Hull(NamedTuple):
  """An object as points.

  Attributes:
    points: (N, 3), metres.
    colours: (N, 3), in [0, 1].
    opacities: (N,), in (0, 1].
  """

  points: np.ndarray
  colours: np.ndarray
  opacities: np.ndarray


def carve(around: np.ndarray, field: float = 1.0) -> Hull:
  """The hull of what is imagined from all around.

  Args:
    around: (K, Q, S, S, 3), from `AROUND`, about in [0, 1]; NaN where nothing is imagined.
    field: the part of the cameras' field of view that the images show.
  """
  images = np.clip(np.nan_to_num(around), 0, 1)
  samples, _, side = images.shape[:3]
  points, seen_from = _grid()
  inside, colours = np.ones((len(points), samples)), np.zeros((len(points), 3))
  for camera, weights in enumerate(_samplers(side, field)):
    view = images[:, camera].reshape(samples, side * side, 3)
    solid = np.minimum(view.max(axis=2) / _BRIGHT, 1)
    inside = np.minimum(inside, weights @ solid.T)
    colours += seen_from[:, camera, None] * (weights @ view.mean(axis=0))
  opacities = inside.mean(axis=1)
  shown = np.argsort(-opacities)[: min(_MOST, np.sum(opacities > _LEAST))]
  # A point's views average its lit sides and its dark ones.
  return Hull(points[shown], np.clip(_LIT * colours[shown], 0, 1), opacities[shown])


@functools.cache
def _grid() -> tuple[np.ndarray, np.ndarray]:
  """Points (N, 3), and how much each camera sees of the side that each of them is on, (N, Q)."""
  ticks = np.arange(-REACH, REACH + SPACING / 2, SPACING)
  points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing='ij'), axis=-1).reshape(-1, 3)
  cameras = np.stack([LOOK.pose(angles).position for angles in AROUND])
  facing = np.maximum(points @ cameras.T, 0) ** 2 + 1e-9
  return points, facing / facing.sum(axis=1, keepdims=True)


@functools.cache
def _samplers(side: int, field: float) -> list[scipy.sparse.csr_array]:
  """Of each camera what makes of the pixels of its view, (S * S), their values at the points."""
  points, _ = _grid()
  return [_sampler(points, LOOK.pose(angles), side, field * _TANGENT) for angles in AROUND]


def _sampler(
  points: np.ndarray, pose: poses.Pose, side: int, tangent: float
) -> scipy.sparse.csr_array:
  forward, left, up = ((points - pose.position) @ pose.frame).T
  rows, columns = (
    np.clip((side * (1 - offset / (forward * tangent)) - 1) / 2, 0, side - 1)
    for offset in (up, left)
  )
  top, first = np.minimum(rows.astype(int), side - 2), np.minimum(columns.astype(int), side - 2)
  down, right = rows - top, columns - first
  every = np.arange(len(points))
  corners = [
    ((1 - down) * (1 - right), top, first),
    ((1 - down) * right, top, first + 1),
    (down * (1 - right), top + 1, first),
    (down * right, top + 1, first + 1),
  ]
  values = np.concatenate([value for value, _, _ in corners])
  pixels = np.concatenate([side * row + column for _, row, column in corners])
  shape = (len(points), side * side)
  return scipy.sparse.csr_array((values, (np.tile(every, 4), pixels)), shape=shape)
