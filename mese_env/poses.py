"""Poses from which an object is looked at and grasped, and the five numbers stored for each.

A pose is a pitch p ~ U(-pi/2, pi/2) and a yaw y ~ U(0, 2 pi). A camera stands one metre from the
origin and looks at it, upright; a wrist is placed so that the palm meets the origin. Frames are
3x3 rotation matrices whose columns are the local x, y and z axes in the world.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mese_env import fields
from mese_env.errors import UserError

CAMERA_DISTANCE = 1.0  # metres from the origin
WRIST_BEHIND = 0.17  # metres along the wrist frame's -y
WRIST_ABOVE = 0.05  # metres along the wrist frame's +z

_ROUNDING = 1e-4  # metres and of a frame's products, for what was stored as float32


class Pose(NamedTuple):
  """Where a sensor is: `position` (3,) in metres, `frame` (3, 3), and its two angles in radians."""

  position: np.ndarray
  frame: np.ndarray
  pitch: float
  yaw: float


def sample_angles(rng: np.random.Generator) -> tuple[float, float]:
  """Draws (pitch, yaw) in radians: U(-pi/2, pi/2) and U(0, 2 pi)."""
  return float(rng.uniform(-np.pi / 2, np.pi / 2)), float(rng.uniform(0, 2 * np.pi))


def camera_pose(pitch: float, yaw: float) -> Pose:
  """Places a camera at distance 1 looking at the origin.

  The frame is Rz(yaw) Ry(-pitch): x forward, y left, z up. A positive pitch looks upwards, from
  below the object.
  """
  frame = _rotation_z(yaw) @ _rotation_y(-pitch)
  return Pose(-CAMERA_DISTANCE * frame[:, 0], frame, pitch, yaw)


def wrist_pose(pitch: float, yaw: float) -> Pose:
  """Places the wrist behind and above the origin.

  The frame is Rz(yaw) Rx(pitch): fingers point along +y, the palm faces -z.
  """
  frame = _rotation_z(yaw) @ _rotation_x(pitch)
  return Pose(-WRIST_BEHIND * frame[:, 1] + WRIST_ABOVE * frame[:, 2], frame, pitch, yaw)


def query(pose: Pose) -> np.ndarray:
  """Returns the stored query of a pose: float32 (x, y, z, pitch mod 2 pi, yaw), metres, radians."""
  return np.array([*pose.position, pose.pitch % (2 * np.pi), pose.yaw], np.float32)


def camera_of_query(query: np.ndarray) -> Pose:
  """The camera's pose that a stored query (5,) is of: the inverse of `query`, but for rounding.

  Raises:
    UserError: it is not five finite numbers, or not those of a camera.
  """
  return _of_query(query, camera_pose, 'a camera')


def wrist_of_query(query: np.ndarray) -> Pose:
  """The wrist's pose that a stored query (5,) is of: the inverse of `query`, but for rounding.

  Raises:
    UserError: it is not five finite numbers, or not those of a wrist.
  """
  return _of_query(query, wrist_pose, 'a wrist')


def check(pose: Pose) -> None:
  """Refuses what is no pose.

  Raises:
    UserError: it is something else, a number is not finite, or the frame is no rotation.
  """
  if not isinstance(pose, Pose):
    raise UserError(
      f'a pose is not {fields.shown(pose)}; make one with poses.camera_pose or poses.wrist_pose, '
      'or of a stored query with poses.camera_of_query or poses.wrist_of_query.'
    )
  position, frame = np.asarray(pose.position), np.asarray(pose.frame)
  if position.shape != (3,) or not np.isfinite(position).all():
    raise UserError(f'a pose stands at {fields.shown(pose.position)}; give 3 finite numbers.')
  is_square = frame.shape == (3, 3) and np.isfinite(frame).all() and np.linalg.det(frame) > 0
  if not (is_square and np.abs(frame.T @ frame - np.eye(3)).max() < _ROUNDING):
    raise UserError("a pose's frame is no rotation; give 3x3 orthogonal columns: x, y and z axis.")


def frame_to_quaternion(frame: np.ndarray) -> np.ndarray:
  """Turns a rotation matrix into a unit quaternion (w, x, y, z), float64."""
  # The outer product q q^T is linear in the matrix; its largest column is free of cancellation.
  (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = frame
  outer = np.array(
    [
      [1 + xx + yy + zz, zy - yz, xz - zx, yx - xy],
      [zy - yz, 1 + xx - yy - zz, yx + xy, xz + zx],
      [xz - zx, yx + xy, 1 - xx + yy - zz, zy + yz],
      [yx - xy, xz + zx, zy + yz, 1 - xx - yy + zz],
    ]
  )
  column = outer[:, np.argmax(np.diag(outer))]
  return column / np.linalg.norm(column)


def _of_query(query: np.ndarray, place: Callable[[float, float], Pose], what: str) -> Pose:
  numbers = np.asarray(query, np.float64)
  if numbers.shape != (5,) or not np.isfinite(numbers).all():
    raise UserError(
      f'a query is five finite numbers, x y z pitch yaw, and not {fields.shown(query)}.'
    )
  pitch, yaw = map(float, numbers[3:])
  pose = place(pitch - 2 * np.pi if pitch > np.pi else pitch, yaw)
  if not np.allclose(pose.position, numbers[:3], 0, _ROUNDING):
    raise UserError(
      f'the query {fields.shown(query)} is not of {what}, which with its angles stands at '
      f'{np.round(pose.position, 3).tolist()}; give one that `poses.query` makes.'
    )
  return pose


def _rotation_x(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _rotation_y(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _rotation_z(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
