"""An environment in which an action moves the hand for 40 ms: its motors and its wrist."""

from typing import Any

import numpy as np

from mese_env import fields, grasp, hand, poses, sensors
from mese_env.errors import UserError
from mese_env.gym.base import (
  MeseEnv,
  Number,
  Observation,
  Spaces,
  Step,
  hand_pane,
  haptic_space,
  query_space,
  readable,
  readings_pane,
)

REACH = 0.4  # metres from the origin, on each axis, to which the wrist may go
WRIST_SPEED = 0.25  # metres a second, at most
WRIST_TURN = 1.5  # radians a second, at most, in pitch and in yaw each

_REACHED = 1e-6  # metres or radians: nearer to where it is to be, the wrist does not move
# From where a frame is seen: far enough off for the hand to approach within it.
_CAMERA = poses.camera_pose(-0.5, 3.8)
_VIEW = _CAMERA._replace(position=1.1 * _CAMERA.position)


class HandEnv(MeseEnv):
  """Moves the hand about an object that stays where it is, 40 ms of simulated time a step.

  An action is 13 angles to which the motors turn, in the order of `sensors.ACTUATED_JOINTS`, and
  where the wrist is to be. It goes there at 0.25 m/s and 1.5 rad/s at most, the shorter way round;
  its own motion is not in the inertial sensors. `action_of` makes an action of angles and a pose.

  Start:
    with an object that the seed draws, or with `reset(options={'object': given_object(...)})`. The
    open hand is at rest, out of reach, or at the x, y, z, pitch, yaw of `options={'wrist': ...}`.
    Nothing has been felt: the readings are zeros.
  End:
    when a reading is above 150 N, or is no number (`terminated`).
  Info:
    of `reset`: the object's `positions`, `colours`, `walk_id`, `cells_id` and `shape_id`; of
    `step`: `largest_touch`, N.
  Frame:
    the hand, and its readings.

  Constructor as of `MeseEnv`.
  """

  metadata = {**MeseEnv.metadata, 'render_fps': 25}  # noqa: RUF012 - Gymnasium's interface
  action_type = np.float64
  home = (*hand.HOME_POSITION, 0.0, 0.0)  # where the wrist begins, out of every object's reach
  reset_options = (*MeseEnv.reset_options, 'wrist')

  def __init__(self, *arguments: Any, **settings: Any):
    super().__init__(*arguments, **settings)
    self._low, self._high = np.array([number[1:3] for number in self.action_numbers()]).T

  def action_numbers(self) -> tuple[Number, ...]:
    """The angles of the motors, and where the wrist is to be."""
    ranges = hand.compiled_model(self.config.num_parts, self.config.hand).actuator_ctrlrange
    motors = zip(sensors.ACTUATED_JOINTS, ranges.tolist(), strict=True)
    return (
      *(Number(joint, low, high, 'rad') for joint, (low, high) in motors),
      *(Number(f'wrist {axis}', -REACH, REACH, 'm') for axis in 'xyz'),
      Number('wrist pitch', -np.pi / 2, np.pi / 2, 'rad'),
      Number('wrist yaw', 0, 2 * np.pi, 'rad'),
    )

  def action_of(self, command: np.ndarray, wrist: np.ndarray) -> np.ndarray:
    """The action that commands angles (13,), radians, and a wrist's x y z pitch yaw (5,).

    Raises:
      UserError: they are of other shapes, or out of what an action can say.
    """
    numbers = np.concatenate([np.ravel(command), _angles(wrist)]).astype(np.float64)
    if numbers.shape != self._low.shape:
      raise UserError(f'{len(numbers) - 5} commands are given; give 13, radians.')
    return self._checked(2 * (numbers - self._low) / (self._high - self._low) - 1)

  def step(self, action: np.ndarray) -> Step:
    """Moves for 40 ms.

    Raises:
      UserError: it is no action, or no episode has begun.
    """
    world, share = self.world, (self._checked(action) + 1) / 2
    wanted = self._low + (self._high - self._low) * share
    path = self._path(wanted[13:], hand.substeps(world.model))
    grasp.advance(world.model, world.data, wanted[:13], path)
    self._show()
    reading = grasp.read(world.data)
    touch = reading[list(sensors.channels(kind='touch'))].max()
    return self._observe(), 0.0, grasp.is_rejected(reading), False, {'largest_touch': float(touch)}

  def _spaces(self) -> Spaces:
    return {'haptics': haptic_space(), 'wrist': query_space(REACH)}

  def _begin(self, options: dict[str, Any]) -> Observation:
    world = self.world
    self._wrist = _angles(options.get('wrist', self.home))
    if np.abs(self._wrist[:3]).max() > REACH:
      raise UserError(f'the wrist is further than {REACH} m from the origin along an axis.')
    grasp.place(world.model, world.data, _pose(self._wrist))
    return self._observe()

  def _observe(self) -> Observation:
    reading = grasp.read(self.world.data)
    return {
      'haptics': readable(reading),
      'wrist': poses.query(_pose(self._wrist)),
    }

  def _path(self, wanted: np.ndarray, substeps: int) -> np.ndarray | None:
    """Where the wrist is at each physics step on its way to `wanted`; None where it stays."""
    way = wanted - self._wrist
    way[4] = (way[4] + np.pi) % (2 * np.pi) - np.pi
    if np.abs(way).max() < _REACHED:
      return None
    farthest = WRIST_SPEED * hand.CONTROL_PERIOD
    way[:3] *= min(1.0, farthest / max(np.linalg.norm(way[:3]), _REACHED))
    way[3:] = np.clip(way[3:], -WRIST_TURN * hand.CONTROL_PERIOD, WRIST_TURN * hand.CONTROL_PERIOD)
    start, self._wrist = self._wrist, self._wrist + way
    self._wrist[4] %= 2 * np.pi
    return _mocap(start + way * (np.arange(substeps)[:, None] + 1) / substeps)

  def _panes(self) -> list[np.ndarray]:
    return [hand_pane(self.world, _VIEW), readings_pane(grasp.read(self.world.data))]


def _angles(wrist: Any) -> np.ndarray:
  """A wrist's query as x y z pitch yaw with the pitch from -pi to pi."""
  numbers = np.array(wrist, np.float64)
  if numbers.shape != (5,) or not np.isfinite(numbers).all():
    raise UserError(f'a wrist is x y z pitch yaw, five finite numbers, not {fields.shown(wrist)}.')
  numbers[3] = (numbers[3] + np.pi) % (2 * np.pi) - np.pi
  return numbers


def _pose(wrist: np.ndarray) -> poses.Pose:
  pitch, yaw = float(wrist[3]), float(wrist[4])
  return poses.wrist_pose(pitch, yaw)._replace(position=wrist[:3].copy())


def _mocap(wrists: np.ndarray) -> np.ndarray:
  """`grasp.mocap_of` of the poses of queries (S, 5), in one: positions and quaternions (S, 7)."""
  pitch, yaw = wrists[:, 3] / 2, wrists[:, 4] / 2
  turned = (-np.sin(yaw), np.cos(yaw))
  tilted = (np.cos(pitch), np.sin(pitch))
  quaternions = (
    turned[0] * tilted[0],
    -turned[0] * tilted[1],
    -turned[1] * tilted[1],
    turned[1] * tilted[0],
  )
  return np.column_stack([wrists[:, :3], *quaternions])
