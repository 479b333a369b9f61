"""Camera and wrist formulas against rotations composed by SciPy."""

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mese_env import grasp, hand, poses, shapes

ANGLES = [(0.0, 0.0), (0.7, 0.3), (-1.2, 4.0), (1.5, 6.1), (-0.4, 2.5)]


@pytest.mark.parametrize(('pitch', 'yaw'), ANGLES)
def test_camera_looks_at_the_origin_upright_from_distance_one(pitch, yaw):
  camera = poses.camera_pose(pitch, yaw)
  rotation = Rotation.from_euler('ZY', [yaw, -pitch])
  np.testing.assert_allclose(camera.frame, rotation.as_matrix(), atol=1e-12)
  forward = (np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch))
  np.testing.assert_allclose(camera.position, np.negative(forward), atol=1e-12)
  up = rotation.apply((0, 0, 1))
  np.testing.assert_allclose(camera.frame[:, 2], up, atol=1e-12)
  assert up[2] > 0


@pytest.mark.parametrize(('pitch', 'yaw'), ANGLES)
def test_wrist_stands_behind_and_above_the_origin(pitch, yaw):
  wrist = poses.wrist_pose(pitch, yaw)
  rotation = Rotation.from_euler('ZX', [yaw, pitch])
  np.testing.assert_allclose(wrist.frame, rotation.as_matrix(), atol=1e-12)
  np.testing.assert_allclose(wrist.position, rotation.apply((0, -0.17, 0.05)), atol=1e-12)


@pytest.mark.parametrize(('pitch', 'yaw'), ANGLES)
def test_the_simulated_hand_stands_at_the_wrist_pose_half_turned(pitch, yaw):
  model = hand.scene_model(
    shapes.centred_positions(np.arange(4)[:, None] * (1, 0, 0)), np.ones((4, 3))
  )
  data = mujoco.MjData(model)
  wrist = poses.wrist_pose(pitch, yaw)
  grasp.close_hand(model, data, wrist)
  mujoco.mj_kinematics(model, data)
  turned = Rotation.from_euler('ZX', [np.pi + yaw, -pitch]).as_matrix()
  forearm = data.body('forearm')
  np.testing.assert_allclose(forearm.xmat.reshape(3, 3), turned, atol=1e-9)
  np.testing.assert_allclose(forearm.xpos, wrist.position, atol=1e-9)


def test_query_is_position_pitch_modulo_a_turn_and_yaw():
  stored = poses.query(poses.camera_pose(-0.5, 3.0))
  assert stored.dtype == np.float32
  x, y, z = -np.cos(0.5) * np.cos(3), -np.cos(0.5) * np.sin(3), np.sin(0.5)
  np.testing.assert_allclose(stored, [x, y, z, 2 * np.pi - 0.5, 3.0], rtol=1e-6)


def test_angles_cover_their_ranges_evenly():
  rng = np.random.default_rng(0)
  pitch, yaw = np.array([poses.sample_angles(rng) for _ in range(8000)]).T
  for sample, low, high in ((pitch, -np.pi / 2, np.pi / 2), (yaw, 0, 2 * np.pi)):
    shares = np.histogram(sample, bins=8, range=(low, high))[0] / len(sample)
    np.testing.assert_allclose(shares, 1 / 8, atol=0.016)
  assert abs(np.corrcoef(pitch, yaw)[0, 1]) < 0.05


def test_quaternions_turn_vectors_as_their_matrices_do():
  rotations = Rotation.random(200, random_state=0).as_matrix()
  half_turns = [np.diag(signs) for signs in ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
  for frame in [*rotations, *half_turns]:
    w, x, y, z = poses.frame_to_quaternion(frame)
    np.testing.assert_allclose(Rotation.from_quat((x, y, z, w)).as_matrix(), frame, atol=1e-12)
