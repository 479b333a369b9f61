"""Grasps: the hand is put at a random wrist pose, closes by a fixed policy, and its sensors read.

The hand starts from one settled state (it does not depend on the object), teleports, and closes
for one second: each control step moves every command 4 % of the way to the top of its range. The
hand is still moving at the end; the sensor vector is that of the last physics step.

`close_hand` is `place`, 25 times `advance`, and `read`, bit for bit; they serve other policies too.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mese_env import engine, hand, poses, sensors

if TYPE_CHECKING:
  import mujoco

CONTROL_STEPS = 25
CLOSING_RATE = 0.04  # share of the remaining way per control step
SETTLE_STEPS = 10
MAX_READING = 150.0  # a grasp with a larger reading is thrown away (all are touch forces, N)


class Grasps(NamedTuple):
  """What G grasps felt."""

  haptics: np.ndarray  # float32 (G, 132), units in `sensors.UNITS`
  hands: np.ndarray  # float32 (G, 5), `poses.query` of the wrist
  num_rejected: int  # grasps thrown away on the way


NONE = Grasps(np.zeros((0, len(sensors.SENSOR_NAMES)), np.float32), np.zeros((0, 5), np.float32), 0)


def sample_grasps(model: 'mujoco.MjModel', num_grasps: int, rng: np.random.Generator) -> Grasps:
  """Grasps an object from random wrist poses, redrawing a pose whose grasp was too forceful.

  Args:
    model: from `hand.scene_model`; left as it was.
    num_grasps: accepted grasps wanted.
    rng: source of randomness.

  Raises:
    UserError: MuJoCo is not installed.
  """
  mujoco = engine.import_mujoco()
  data = mujoco.MjData(model)
  haptics, hands = [], []
  num_rejected = 0
  while len(haptics) < num_grasps:
    pose = poses.wrist_pose(*poses.sample_angles(rng))
    reading = close_hand(model, data, pose)
    if is_rejected(reading):
      num_rejected += 1
      continue
    haptics.append(reading.astype(np.float32))
    hands.append(poses.query(pose))
  return Grasps(
    np.array(haptics, np.float32).reshape(-1, model.nsensordata),
    np.array(hands, np.float32).reshape(-1, 5),
    num_rejected,
  )


def close_hand(model: 'mujoco.MjModel', data: 'mujoco.MjData', pose: poses.Pose) -> np.ndarray:
  """Puts the settled hand at a wrist pose, closes it, and returns the 132 readings (float64).

  Args:
    model: from `hand.scene_model`; left as it was.
    data: scratch of that model; overwritten, and left in the state of the closed hand.
    pose: where the wrist goes.
  """
  place(model, data, pose)
  mujoco = engine.import_mujoco()
  command, substeps = np.zeros(model.nu), hand.substeps(model)
  # As many times `advance`, but that nothing is sensed on the way: datasets are made of this.
  with _without_sensors(model):
    for _ in range(CONTROL_STEPS - 1):
      command = closing_command(model, command)
      data.ctrl[:] = command
      mujoco.mj_step(model, data, substeps)
  advance(model, data, closing_command(model, command))
  return read(data)


def is_rejected(reading: np.ndarray) -> bool:
  """Whether a grasp was too forceful to be kept, or is not of numbers."""
  return not reading.max() <= MAX_READING  # True when a reading is NaN


def place(model: 'mujoco.MjModel', data: 'mujoco.MjData', pose: poses.Pose) -> None:
  """Puts the settled, open hand at a wrist pose, whatever was there before.

  Args:
    model: from `hand.scene_model`.
    data: of that model; overwritten.
    pose: where the wrist goes.
  """
  engine.import_mujoco().mj_resetData(model, data)
  data.qpos[:], data.qvel[:] = settled_state(hand.name_of(model))
  move_wrist(data, pose)


def move_wrist(data: 'mujoco.MjData', pose: poses.Pose) -> None:
  """Teleports the wrist, and the whole hand with it, to a pose."""
  data.mocap_pos[0], data.mocap_quat[0] = mocap_of(pose)


def mocap_of(pose: poses.Pose) -> tuple[np.ndarray, np.ndarray]:
  """Position and quaternion of the body that carries the hand, of a wrist's pose."""
  # The wrist's own frame has its fingers along -y: half a turn about the pose's z.
  return pose.position, poses.frame_to_quaternion(pose.frame * np.array([-1, -1, 1]))


def closing_command(model: 'mujoco.MjModel', command: np.ndarray) -> np.ndarray:
  """What the fixed policy commands after a command (13,): 4 % of the way to the highest."""
  return command + CLOSING_RATE * (model.actuator_ctrlrange[:, 1] - command)


def advance(
  model: 'mujoco.MjModel',
  data: 'mujoco.MjData',
  command: np.ndarray,
  path: np.ndarray | None = None,
) -> None:
  """Holds a command for one control step of 40 ms; senses at its end alone.

  Args:
    model: from `hand.scene_model`; left as it was.
    data: of that model, after `place`.
    command: (13,), radians.
    path: (hand.substeps(model), 7), position and quaternion as of `mocap_of` at each of the physics
      steps, on which the wrist moves meanwhile; None where it stays.
  """
  mujoco = engine.import_mujoco()
  data.ctrl[:] = command
  with _without_sensors(model):
    if path is None:
      mujoco.mj_step(model, data, hand.substeps(model) - 1)
    else:
      for there in path[:-1]:
        data.mocap_pos[0], data.mocap_quat[0] = there[:3], there[3:]
        mujoco.mj_step(model, data)
      data.mocap_pos[0], data.mocap_quat[0] = path[-1, :3], path[-1, 3:]
  mujoco.mj_step(model, data)


def read(data: 'mujoco.MjData') -> np.ndarray:
  """The 132 readings (float64) of the last physics step."""
  return data.sensordata.copy()


@contextlib.contextmanager
def _without_sensors(model: 'mujoco.MjModel') -> Iterator[None]:
  """Within it nothing is sensed, which moves nothing otherwise and takes a twelfth less time."""
  flags = model.opt.disableflags
  model.opt.disableflags = flags | int(engine.import_mujoco().mjtDisableBit.mjDSBL_SENSOR)
  try:
    yield
  finally:
    model.opt.disableflags = flags


@functools.cache
def settled_state(hand_name: str) -> tuple[np.ndarray, np.ndarray]:
  """Positions and velocities of a hand's joints after it settled at rest, in MuJoCo's order."""
  # At home the hand is out of every object's reach, so any number of parts gives this state.
  mujoco = engine.import_mujoco()
  model = hand.compiled_model(4, hand_name)
  data = mujoco.MjData(model)
  mujoco.mj_step(model, data, SETTLE_STEPS * hand.substeps(model))
  return data.qpos.copy(), data.qvel.copy()
