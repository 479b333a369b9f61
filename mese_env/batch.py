"""Grasps of many objects at once, on several threads, bit for bit those of one after another."""

from collections.abc import Sequence

import numpy as np

from mese_env import engine, grasp, hand, machine, poses


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

    ids = np.arange(len(wrists))
    batch, substeps = self._batch, hand.substeps(self._model)
    batch.reset(ids, stage=mujoco.mjtStage.mjSTAGE_NONE)
    qpos, qvel = grasp.settled_state(hand.name_of(self._model))
    for i, (centres, wrist) in enumerate(zip(positions, wrists, strict=True)):
      self._places[i, self._blocks] = centres
      batch.qpos[i], batch.qvel[i] = qpos, qvel
      batch.mocap_pos[i, 0], batch.mocap_quat[i, 0] = grasp.mocap_of(wrist)
    command = np.zeros(self._model.nu)
    self._flags[:] = self._model.opt.disableflags | mujoco.mjtDisableBit.mjDSBL_SENSOR
    for step in range(grasp.CONTROL_STEPS):
      command = grasp.closing_command(self._model, command)
      batch.ctrl[ids] = command
      is_last = step == grasp.CONTROL_STEPS - 1
      batch.step(ids, substeps - is_last)
    self._flags[:] = self._model.opt.disableflags
    batch.step(ids)
    return self._readings[ids].copy()
