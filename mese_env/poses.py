"""Poses from which an object is looked at and grasped, and the five numbers stored for each.

A pose is a pitch p ~ U(-pi/2, pi/2) and a yaw y ~ U(0, 2 pi). A camera stands one metre from the
origin and looks at it, upright; a wrist is placed so that the palm meets the origin. Frames are
3x3 rotation matrices whose columns are the local x, y and z axes in the world.
"""

from typing import NamedTuple

import numpy as np

CAMERA_DISTANCE = 1.0  # metres from the origin
WRIST_BEHIND = 0.17  # metres along the wrist frame's -y
WRIST_ABOVE = 0.05  # metres along the wrist frame's +z


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


def _rotation_x(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _rotation_y(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _rotation_z(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
