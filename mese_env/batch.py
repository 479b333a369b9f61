"""Grasps of many objects at once, on several threads, bit for bit those of one after another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mese_env import engine, grasp, hand, machine, poses

if TYPE_CHECKING:
  import mujoco


class HandBatch:
  """Hands of one kind, each at an object of its own with as many cubes.

  Args:
    size: hands that grasp at once, at most.
    num_parts: cubes of every object.
    hand_name: one of `hand.NAMES`.
    num_threads: that compute; 0 for one on every core.

  Raises:
    UserError: there is no such hand; MuJoCo, or what holds the meshes, is not installed.
  """

  def __init__(self, size: int, num_parts: int, hand_name: str, num_threads: int = 0):
    engine.import_mujoco()
    import mujoco.batch

    model = hand.compiled_model(num_parts, hand_name)
    threads = num_threads or machine.available_cores()
    self._batch = mujoco.batch.Batch(model, size, min(threads, size))
    self._model = model
    self._commands = _commands(model)
    self._blocks = [model.body(f'block_{i}').id for i in range(num_parts)]
    self._places = self._batch.expand('body_pos')
    self._flags = self._batch.expand('opt.disableflags')
    self._readings = self._batch.bind('sensordata')

  def close(self, positions: Sequence[np.ndarray], wrists: Sequence[poses.Pose]) -> np.ndarray:
    """Puts a settled hand at each wrist pose, closes them all, and returns their readings.

    Args:
      positions: of each object the centres of its cubes, (num_parts, 3), metres.
      wrists: as many poses, at most as many as there are hands.

    Returns:
      float64 (len(wrists), 132).
    """
    import mujoco

    if not len(wrists):
      return np.zeros((0, self._model.nsensordata))
    ids, batch = np.arange(len(wrists)), self._batch
    batch.reset(ids, stage=mujoco.mjtStage.mjSTAGE_NONE)
    qpos, qvel = grasp.settled_state(hand.name_of(self._model))
    self._places[ids[:, None], self._blocks] = np.stack(positions)
    batch.qpos[ids], batch.qvel[ids] = qpos, qvel
    where = [grasp.mocap_of(wrist) for wrist in wrists]
    batch.mocap_pos[ids, 0] = [position for position, _ in where]
    batch.mocap_quat[ids, 0] = [quaternion for _, quaternion in where]
    self._flags[:] = self._model.opt.disableflags | mujoco.mjtDisableBit.mjDSBL_SENSOR
    # In one call, so that no thread waits for the others at each control step.
    batch.rollout(len(self._commands), self._commands, record=(), ids=ids)
    self._flags[:] = self._model.opt.disableflags
    batch.step(ids)
    return self._readings[ids].copy()


def _commands(model: 'mujoco.MjModel') -> np.ndarray:
  """What the fixed policy commands at each physics step of a grasp but the last, (S - 1, 13)."""
  command, commands = np.zeros(model.nu), []
  for _ in range(grasp.CONTROL_STEPS):
    command = grasp.closing_command(model, command)
    commands += [command] * hand.substeps(model)
  return np.array(commands[:-1])
