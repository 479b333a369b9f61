"""The two ways to sense an object: a look and a grasp, each from two angles in whole degrees."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mese_env import poses


class Angles(NamedTuple):
  """Where a camera stands, or a hand comes from: pitch in [-90, 90] and yaw in [0, 360), degrees.

  Whole numbers, so that an address and a line of Python give back the very same pose.
  """

  pitch: int
  yaw: int

  @classmethod
  def nearest(cls, pitch: float, yaw: float) -> 'Angles':
    """Those that are nearest to any two angles in degrees."""
    return cls(int(np.clip(round(pitch), -90, 90)), round(yaw) % 360)

  def towards(self, way: 'Way') -> 'Angles':
    """Of an eye, the angles by which the same side is sensed in another way."""
    return Angles(self.pitch, (self.yaw + way.turn) % 360)


@dataclasses.dataclass(frozen=True)
class Way:
  """A way to sense.

  Attributes:
    name: as visitors call it.
    letter: that stands for it in an address.
    sense: the name of the model's sense.
    turn: degrees from the yaw of an eye to that of what comes from the same side.
    place: the pose of a pitch and a yaw in radians.
  """

  name: str
  letter: str
  sense: str
  turn: int
  place: Callable[[float, float], poses.Pose]

  def pose(self, angles: Angles) -> poses.Pose:
    """Where the camera, or the wrist, is."""
    return self.place(*np.radians(angles))

  def query(self, angles: Angles) -> np.ndarray:
    """The same as the five numbers that a model takes."""
    return poses.query(self.pose(angles))


LOOK = Way('look', 'l', 'image', 0, poses.camera_pose)
# A wrist stands a quarter turn from where a camera of the same yaw does.
GRASP = Way('grasp', 'g', 'haptic', -90, poses.wrist_pose)
WAYS = (LOOK, GRASP)


class Given(NamedTuple):
  """A look or a grasp that the model was given."""

  way: Way
  angles: Angles
