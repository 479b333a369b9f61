"""Grasps: what is kept, what is rejected, and that touch informs about shape."""

import contextlib

import mujoco
import numpy as np
import pytest

from mese_env import grasp, hand, poses, recognition, sensors, shapes


def _object_model(seed: int):
  walk = shapes.sample_walk(5, np.random.default_rng(seed))
  return hand.scene_model(shapes.centred_positions(walk), np.ones((5, 3)))


def test_a_grasp_does_not_depend_on_the_grasps_before_it():
  model = _object_model(0)
  data = mujoco.MjData(model)
  pose = poses.wrist_pose(0.4, 2.0)
  alone = grasp.close_hand(model, data, pose)
  grasp.close_hand(model, data, poses.wrist_pose(-1.0, 5.0))
  np.testing.assert_array_equal(grasp.close_hand(model, data, pose), alone)
  np.testing.assert_array_equal(grasp.close_hand(model, mujoco.MjData(model), pose), alone)


def test_a_grasp_reads_what_a_hand_reads_that_senses_all_the_way(monkeypatch):
  model, pose = _object_model(3), poses.wrist_pose(0.4, 2.0)
  flags = model.opt.disableflags
  data, all_the_way = mujoco.MjData(model), mujoco.MjData(model)
  reading = grasp.close_hand(model, data, pose)
  assert model.opt.disableflags == flags
  monkeypatch.setattr(grasp, '_without_sensors', contextlib.nullcontext)
  assert reading.tobytes() == grasp.close_hand(model, all_the_way, pose).tobytes()
  assert data.qpos.tobytes() == all_the_way.qpos.tobytes()


def test_too_forceful_grasps_are_redrawn_and_the_rest_kept_in_order():
  model = _object_model(1)
  grasps = grasp.sample_grasps(model, 20, np.random.default_rng(0))
  assert grasps.num_rejected > 0
  rng = np.random.default_rng(0)
  data = mujoco.MjData(model)
  drawn = [poses.wrist_pose(*poses.sample_angles(rng)) for _ in range(20 + grasps.num_rejected)]
  readings = np.array([grasp.close_hand(model, data, pose) for pose in drawn])
  kept = readings.max(axis=1) <= 150
  np.testing.assert_array_equal(grasps.haptics, readings[kept].astype(np.float32))
  np.testing.assert_array_equal(grasps.hands, np.array([poses.query(pose) for pose in drawn])[kept])


@pytest.mark.long
def test_hands_touch_the_object_with_as_many_pads_as_published():
  touch = []
  for seed in range(15):
    grasps = grasp.sample_grasps(_object_model(seed), 15, np.random.default_rng(seed))
    touch.append(grasps.haptics[:, sensors.channels(kind='touch')])
  active = np.concatenate(touch) > 0
  assert np.mean(active.any(axis=1)) >= 0.95
  assert 2.8 <= np.mean(active.sum(axis=1)) <= 4.0


@pytest.mark.long
def test_grasps_name_the_shape_far_above_chance():
  assert recognition.share_named(0, num_shapes=4, gallery_grasps=40, trials=2) >= 0.75
