"""Environments in which an action is a pose from which to look, or at which to grasp."""

from typing import Any

import gymnasium
import numpy as np

from mese_env import poses, sensors
from mese_env.gym.base import (
  MeseEnv,
  Number,
  Observation,
  Spaces,
  Step,
  hand_pane,
  haptic_space,
  look_pane,
  query_space,
  readable,
  readings_pane,
)
from mese_env.world import Touch

_CAMERA_REACH, _WRIST_REACH = 1.01, 0.2  # metres
_ANGLES = (Number('pitch', -np.pi / 2, np.pi / 2, 'rad'), Number('yaw', 0, 2 * np.pi, 'rad'))
_SENSE = Number('sense', -1, 1, 'a look below 0, a grasp from 0 on')


class _PoseEnv(MeseEnv):
  """What one look and one grasp are, for those below."""

  def action_numbers(self) -> tuple[Number, ...]:
    """Pitch and yaw of the camera or the wrist."""
    return _ANGLES

  def _image_spaces(self) -> Spaces:
    size = self.config.image_size
    image = gymnasium.spaces.Box(0, 255, (size, size, 3), np.uint8)
    return {'image': image, 'camera': query_space(_CAMERA_REACH)}

  def _haptic_spaces(self) -> Spaces:
    return {'haptics': haptic_space(), 'wrist': query_space(_WRIST_REACH)}

  def _begin(self, options: dict[str, Any]) -> Observation:
    del options
    self._image = np.zeros((self.config.image_size, self.config.image_size, 3), np.uint8)
    self._reading = np.zeros(len(sensors.SENSOR_NAMES), np.float32)
    return self._nothing()

  def _look(self, angles: np.ndarray) -> Step:
    camera = poses.camera_pose(*_radians(angles))
    self._image = self.world.look(camera)
    return self._end_step({'image': self._image, 'camera': poses.query(camera)}, {})

  def _grasp(self, angles: np.ndarray) -> Step:
    wrist = poses.wrist_pose(*_radians(angles))
    return self.feel(wrist, self.world.grasp(wrist))

  def feel(self, wrist: poses.Pose, touch: Touch) -> Step:
    """Ends a step in which a grasp, simulated here or elsewhere, felt something."""
    self._reading = readable(touch.reading)
    sensed = {'haptics': self._reading, 'wrist': poses.query(wrist)}
    return self._end_step(sensed, {'rejected': touch.rejected})

  def _end_step(self, sensed: Observation, info: dict[str, Any]) -> Step:
    self._show()
    return self._nothing() | sensed, 0.0, False, False, info


class LookEnv(_PoseEnv):
  """Looks at an object: an action is a camera's pose, an observation what it sees.

  Frame:
    the last look.

  Constructor and `reset` as of `MeseEnv`.
  """

  def step(self, action: np.ndarray) -> Step:
    """Looks once.

    Raises:
      UserError: it is no action, or no episode has begun.
    """
    return self._look(self._checked(action))

  def _spaces(self) -> Spaces:
    return self._image_spaces()

  def _panes(self) -> list[np.ndarray]:
    return [look_pane(self._image)]


class TouchEnv(_PoseEnv):
  """Grasps an object: an action is a wrist's pose, an observation what the closed hand feels.

  Info:
    of `reset`: the object's `positions`, `colours`, `walk_id`, `cells_id` and `shape_id`; of
    `step`: `rejected`, whether the grasp was too forceful for a dataset.
  Frame:
    the hand, and its readings.

  Constructor and `reset` as of `MeseEnv`.
  """

  def step(self, action: np.ndarray) -> Step:
    """Grasps once.

    Raises:
      UserError: it is no action, no episode has begun, or MuJoCo or the meshes are missing.
    """
    return self._grasp(self._checked(action))

  def wrist_of(self, action: np.ndarray) -> poses.Pose:
    """The wrist's pose that an action says.

    Raises:
      UserError: it is no action.
    """
    return poses.wrist_pose(*_radians(self._checked(action)))

  def _spaces(self) -> Spaces:
    return self._haptic_spaces()

  def _panes(self) -> list[np.ndarray]:
    return [hand_pane(self.world), readings_pane(self._reading)]


class LookTouchEnv(_PoseEnv):
  """Looks at an object or grasps it, as the first number of an action says.

  The sense that was not used is zeros in the observation.

  Info:
    of `reset`: the object's `positions`, `colours`, `walk_id`, `cells_id` and `shape_id`; of
    `step` after a grasp: `rejected`, whether it was too forceful for a dataset.
  Frame:
    the hand, the last look, and the readings.

  Constructor and `reset` as of `MeseEnv`.
  """

  def action_numbers(self) -> tuple[Number, ...]:
    """Which sense, and pitch and yaw of its camera or wrist."""
    return (_SENSE, *_ANGLES)

  def step(self, action: np.ndarray) -> Step:
    """Looks or grasps once.

    Raises:
      UserError: it is no action, no episode has begun, or MuJoCo or the meshes are missing.
    """
    numbers = self._checked(action)
    return (self._look if numbers[0] < 0 else self._grasp)(numbers[1:])

  def _spaces(self) -> Spaces:
    return self._image_spaces() | self._haptic_spaces()

  def _panes(self) -> list[np.ndarray]:
    return [hand_pane(self.world), look_pane(self._image), readings_pane(self._reading)]


def _radians(angles: np.ndarray) -> tuple[float, float]:
  """Pitch and yaw of the two numbers of an action."""
  return float(angles[0] * np.pi / 2), float(np.pi * (1 + angles[1]))
