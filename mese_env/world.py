"""One object to look at and to grasp: the parts of a scene, for who chooses the poses.

  world = World(sample_object(5, rng))
  image = world.look(poses.camera_pose(pitch, yaw))
  reading, rejected = world.grasp(poses.wrist_pose(pitch, yaw))

It is what `generate_scene` makes its scenes with, so that the same object and poses give the same
bytes. Looks need no MuJoCo: it is loaded, and the hand built, when something is first touched.
"""

import functools
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from mese_env import engine, fields, grasp, picture, poses, raycast
from mese_env.errors import UserError
from mese_env.hand import DEFAULT, NAMES, scene_model
from mese_env.objects import Object

if TYPE_CHECKING:
  import mujoco

_SIZES = range(1, 4097)


class Touch(NamedTuple):
  """What a grasp felt.

  Attributes:
    reading: float32 (132,), in the order of `sensors.SENSOR_NAMES`, units in `sensors.UNITS`.
    rejected: whether it was too forceful for a dataset, which draws another pose then.
  """

  reading: np.ndarray
  rejected: bool

  @classmethod
  def of(cls, reading: np.ndarray) -> Self:
    """Of a reading as the simulation gives it, float64."""
    return cls(reading.astype(np.float32), grasp.is_rejected(reading))


class World:
  """An object that stays where it is, a camera, and a hand.

  Args:
    thing: from `sample_object` or `given_object`.
    hand: one of `hand.NAMES`.
    image_size: pixels per side of a look.

  Raises:
    UserError: the thing is none, there is no such hand, or the size is not from 1 to 4,096.
  """

  def __init__(self, thing: Object, hand: str = DEFAULT, image_size: int = 64):
    if not isinstance(thing, Object):
      raise UserError(
        f'a thing is not {fields.shown(thing)}; make one with mese_env.sample_object or '
        'mese_env.given_object.'
      )
    self.thing = thing
    self.hand = str(fields.check('hand', hand, str, NAMES))
    self.image_size = int(fields.check('image_size', image_size, int, _SIZES))

  @functools.cached_property
  def model(self) -> 'mujoco.MjModel':
    """The object and the hand as MuJoCo knows them; made when first asked for."""
    return scene_model(self.thing.positions, self.thing.colours, self.hand)

  @functools.cached_property
  def data(self) -> 'mujoco.MjData':
    """The state of `model`: of a hand at rest out of reach, or as the last grasp left it."""
    return engine.import_mujoco().MjData(self.model)

  def look(self, camera: poses.Pose) -> np.ndarray:
    """What a camera sees of the object, without the hand.

    Args:
      camera: from `poses.camera_pose`, or any with the object before it.

    Returns:
      uint8 (image_size, image_size, 3).

    Raises:
      UserError: it is no pose, or the object is beside or behind the camera.
    """
    poses.check(camera)
    depth = (self.thing.positions - camera.position) @ camera.frame[:, 0]
    if depth.min() <= raycast.CIRCUMRADIUS:
      raise UserError(
        f'the camera at {fields.shown(camera.position)} has not the whole object before it; take '
        'it further back, and point the x axis of its frame at the origin.'
      )
    return raycast.render(*self.thing[:2], camera.position, camera.frame, self.image_size)

  def grasp(self, wrist: poses.Pose) -> Touch:
    """Opens the hand, puts it at a wrist pose, closes it, and reads its sensors.

    Args:
      wrist: from `poses.wrist_pose`, or any.

    Raises:
      UserError: it is no pose; MuJoCo, or what holds the meshes of the hand, is not installed.
    """
    poses.check(wrist)
    return Touch.of(grasp.close_hand(self.model, self.data, wrist))

  def picture(self, camera: poses.Pose, size: int) -> np.ndarray:
    """Draws the object with the hand as the last grasp left it, the pads that feel lit up.

    Args:
      camera: from `poses.camera_pose`, or any.
      size: pixels per side.

    Returns:
      uint8 (size, size, 3).

    Raises:
      UserError: it is no pose, or the size is not from 1 to 4,096; MuJoCo, or what holds the meshes
        of the hand, is not installed.
    """
    poses.check(camera)
    fields.check('size', size, int, _SIZES)
    return picture.draw(self.model, self.data, camera, size)
