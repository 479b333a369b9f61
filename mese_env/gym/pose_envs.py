"""Environments in which an action is a pose from which to look, or at which to grasp."""

from typing import Any

import gymnasium
import numpy as np

from mese_env import poses, sensors
from mese_env.gym.base import (
  MeseEnv,
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


class _PoseEnv(MeseEnv):
  """What one look and one grasp are, for those below."""

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

  Action, Box(-1, 1, (2,)): pitch in units of pi / 2, and yaw - pi in units of pi.
  Observation: `image`, uint8 (image_size, image_size, 3), and `camera`, x y z pitch yaw in metres
  and radians; zeros before the first look. A frame: the last look.

  Constructor and `reset` as of `MeseEnv`.
  """

  action_shape = (2,)

  def __init__(self, *arguments: Any, **settings: Any):
    super().__init__(*arguments, **settings)
    self.observation_space = gymnasium.spaces.Dict(self._image_spaces())
    self.action_space = gymnasium.spaces.Box(-1, 1, self.action_shape, np.float32)

  def step(self, action: np.ndarray) -> Step:
    """Looks once.

    Raises:
      UserError: it is no action, or no episode has begun.
    """
    return self._look(self._checked(action))

  def _panes(self) -> list[np.ndarray]:
    return [look_pane(self._image)]


class TouchEnv(_PoseEnv):
  """Grasps an object: an action is a wrist's pose, an observation what the closed hand feels.

  Action, Box(-1, 1, (2,)): pitch in units of pi / 2, and yaw - pi in units of pi.
  Observation: `haptics`, float32 (132,), in the order of `sensors.SENSOR_NAMES` and cut to
  `sensors.RANGES`, and `wrist`, x y z pitch yaw in metres and radians; zeros before the first
  grasp. `info['rejected']`: it was too forceful for a dataset. A frame: the hand, its readings.

  Constructor and `reset` as of `MeseEnv`.
  """

  action_shape = (2,)

  def __init__(self, *arguments: Any, **settings: Any):
    super().__init__(*arguments, **settings)
    self.observation_space = gymnasium.spaces.Dict(self._haptic_spaces())
    self.action_space = gymnasium.spaces.Box(-1, 1, self.action_shape, np.float32)

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

  def _panes(self) -> list[np.ndarray]:
    return [hand_pane(self.world), readings_pane(self._reading)]


class LookTouchEnv(_PoseEnv):
  """Looks at an object or grasps it, as the first number of an action says.

  Action, Box(-1, 1, (3,)): a look below 0 and a grasp from 0 on; then pitch in units of pi / 2, and
  yaw - pi in units of pi. Observation: those of `LookEnv` and `TouchEnv`, zeros in the sense that
  was not used. `info['rejected']` after a grasp. A frame: the hand, the last look, the readings.

  Constructor and `reset` as of `MeseEnv`.
  """

  action_shape = (3,)

  def __init__(self, *arguments: Any, **settings: Any):
    super().__init__(*arguments, **settings)
    self.observation_space = gymnasium.spaces.Dict(self._image_spaces() | self._haptic_spaces())
    self.action_space = gymnasium.spaces.Box(-1, 1, self.action_shape, np.float32)

  def step(self, action: np.ndarray) -> Step:
    """Looks or grasps once.

    Raises:
      UserError: it is no action, no episode has begun, or MuJoCo or the meshes are missing.
    """
    numbers = self._checked(action)
    return (self._look if numbers[0] < 0 else self._grasp)(numbers[1:])

  def _panes(self) -> list[np.ndarray]:
    return [hand_pane(self.world), look_pane(self._image), readings_pane(self._reading)]


def _radians(angles: np.ndarray) -> tuple[float, float]:
  """Pitch and yaw of the two numbers of an action."""
  return float(angles[0] * np.pi / 2), float(np.pi * (1 + angles[1]))
