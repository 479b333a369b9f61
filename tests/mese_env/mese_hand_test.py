"""The simulated hand: its three traps, and an object written into a copy of the model."""

import mujoco
import numpy as np
import pytest

from mese_env import grasp, hand, poses, sensors, shapes

PRONATION = sensors.SENSOR_NAMES.index('jointpos/wrist_PRO')


@pytest.fixture(name='model')
def _model():
  walk = shapes.sample_walk(5, np.random.default_rng(3))
  return hand.scene_model(shapes.centred_positions(walk), np.ones((5, 3)))


def test_pronation_is_locked_and_rolls_once_the_lock_is_taken_away(model):
  data = mujoco.MjData(model)
  readings = [grasp.close_hand(model, data, poses.wrist_pose(p, 1.0)) for p in (-1, 0, 1)]
  assert np.max(np.abs(np.array(readings)[:, PRONATION])) < 0.01
  locks = (model.eq_type == mujoco.mjtEq.mjEQ_JOINT) & (model.eq_obj2id == -1)
  assert np.sum(locks) == 1
  model.eq_active0[locks] = 0
  assert grasp.close_hand(model, data, poses.wrist_pose(0.0, 1.0))[PRONATION] > 0.2


def test_only_the_22_hand_joints_are_limited_and_no_tendon_is(model):
  assert [model.joint(i).name for i in range(model.njnt)] == list(sensors.JOINTS)
  assert model.jnt_limited.all()
  assert model.ntendon == 8
  assert not model.tendon_limited.any()
  assert not model.actuator_forcelimited.any()
  # Radians: in degrees every one of these would be within a twentieth of zero.
  assert model.joint('thumb_DIP').range == pytest.approx((-0.819, 1.28))


def test_the_engine_runs_with_the_hand_s_own_options(model):
  option = model.opt
  assert option.timestep * hand.substeps(model) == pytest.approx(0.04)
  assert option.integrator == mujoco.mjtIntegrator.mjINT_EULER
  assert option.solver == mujoco.mjtSolver.mjSOL_NEWTON
  assert (option.iterations, option.tolerance) == (50, 1e-10)
  assert option.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
  assert option.disableflags & mujoco.mjtDisableBit.mjDSBL_MULTICCD


def test_fingers_are_coupled_and_driven_as_published(model):
  data = mujoco.MjData(model)
  # A hand that meets nothing, so that only couplings and actuators act.
  model.body_pos[1:6] = (5, 5, 5)
  joints = grasp.close_hand(model, data, poses.wrist_pose(0.0, 0.0))
  angle = {name: joints[i] for i, name in enumerate(sensors.JOINTS)}
  assert angle['index_MCP'] > 0.5
  assert angle['index_PIP'] == pytest.approx(angle['index_MCP'], abs=0.02)
  assert angle['index_DIP'] == pytest.approx(angle['index_PIP'] * 0.00805 / 0.00705, abs=0.03)
  assert angle['ring_ABD'] == pytest.approx(angle['pinky_ABD'] / 2, abs=0.02)
  # 25 steps of 4 % of what is left.
  highest = model.actuator_ctrlrange[:, 1]
  np.testing.assert_allclose(data.ctrl, 0.639603 * highest, rtol=1e-5)


def test_an_object_is_written_into_a_copy_only():
  before = hand.compiled_model(4, hand.DEFAULT).body_pos.copy()
  positions = np.arange(12).reshape(4, 3) / 100
  colours = np.arange(12).reshape(4, 3) / 12
  model = hand.scene_model(positions, colours)
  data = mujoco.MjData(model)
  mujoco.mj_forward(model, data)
  for i in range(4):
    np.testing.assert_allclose(data.geom(f'block_{i}').xpos, positions[i])
    np.testing.assert_allclose(model.geom(f'block_{i}').rgba[:3], colours[i], rtol=1e-6)
  np.testing.assert_array_equal(hand.compiled_model(4, hand.DEFAULT).body_pos, before)
