"""The 132 channels: names and order against the compiled hand, and the groups they permit."""

import mujoco
import numpy as np
import pytest

from mese_env import hand, sensors
from mese_env.errors import UserError

# The halves of the haptic vector as the MESE authors cut it: thumb, index, middle; the rest.
FINGERS_A = {
  'thumb': [
    *(3, 4, 5, 6, 25, 26, 27, 28, 47, 48, 49, 50, 60, 61, 62, 63, 73, 74, 75, 76),
    *(83, 84, 85, 98, 99, 100),
  ],
  'index': [7, 8, 9, 10, 29, 30, 31, 32, 51, 52, 64, 65, 77, 78, 86, 87, 88, 101, 102, 103],
  'middle': [11, 12, 13, 33, 34, 35, 53, 66, 79, 89, 90, 91, 104, 105, 106],
}
FINGERS_B = {
  'ring': [14, 15, 16, 17, 36, 37, 38, 39, 54, 67, 80, 92, 93, 94, 107, 108, 109],
  'pinky': [18, 19, 20, 21, 40, 41, 42, 43, 55, 56, 68, 69, 81, 82, 95, 96, 97, 110, 111, 112],
  'wrist': [0, 1, 2, 22, 23, 24, 44, 45, 46, 57, 58, 59, 70, 71, 72],
}


def test_there_are_132_distinct_names_of_eight_kinds():
  assert len(set(sensors.SENSOR_NAMES)) == len(sensors.SENSOR_NAMES) == 132
  sizes = [len(sensors.channels(kind=kind)) for kind in sensors.KINDS]
  assert sizes == [22, 22, 13, 13, 13, 15, 15, 19]
  assert set(sensors.UNITS) == set(sensors.KINDS)


@pytest.mark.parametrize(('finger', 'indices'), (FINGERS_A | FINGERS_B).items())
def test_a_finger_without_its_pads_has_the_published_channels(finger, indices):
  touch = sensors.channels(kind='touch')
  assert touch == tuple(range(113, 132))
  assert [i for i in sensors.channels(finger=finger) if i not in touch] == indices


@pytest.mark.parametrize(
  ('asked', 'sentence'),
  [
    ({'kind': 'touches'}, "no sensor has the kind 'touches': did you mean 'touch'"),
    ({'finger': 'little'}, "no sensor has the finger 'little'"),
    ({'kind': 'touch', 'finger': ''}, "no sensor has the finger ''"),
  ],
)
def test_channels_of_what_is_not_there_are_refused(asked, sentence):
  with pytest.raises(UserError, match=sentence):
    sensors.channels(**asked)


@pytest.mark.parametrize(
  ('function', 'name', 'sentence'),
  [
    (sensors.parts_of, 'tuch', "no sensor has the kind 'tuch': did you mean 'touch'"),
    (sensors.kind_of, 'touch/thumb', "no sensor has the name 'touch/thumb': did you mean"),
    (sensors.finger_of, '', "no sensor has the name ''.* `sensors.SENSOR_NAMES` lists them"),
  ],
)
def test_nothing_is_said_of_a_sensor_that_is_not_there(function, name, sentence):
  with pytest.raises(UserError, match=sentence):
    function(name)


def test_names_are_in_the_order_of_the_compiled_hand():
  model = hand.compiled_model(4, hand.DEFAULT)
  of_kind = {
    mujoco.mjtSensor.mjSENS_JOINTPOS: ('jointpos', model.joint),
    mujoco.mjtSensor.mjSENS_JOINTVEL: ('jointvel', model.joint),
    mujoco.mjtSensor.mjSENS_ACTUATORPOS: ('actuatorpos', model.actuator),
    mujoco.mjtSensor.mjSENS_ACTUATORVEL: ('actuatorvel', model.actuator),
    mujoco.mjtSensor.mjSENS_ACTUATORFRC: ('actuatorfrc', model.actuator),
    mujoco.mjtSensor.mjSENS_ACCELEROMETER: ('accelerometer', model.site),
    mujoco.mjtSensor.mjSENS_GYRO: ('gyro', model.site),
    mujoco.mjtSensor.mjSENS_TOUCH: ('touch', model.site),
  }
  names = []
  for sensor_type, owner, size in zip(
    model.sensor_type, model.sensor_objid, model.sensor_dim, strict=True
  ):
    kind, look_up = of_kind[mujoco.mjtSensor(sensor_type)]
    axes = [''] if size == 1 else ['/x', '/y', '/z']
    names += [f'{kind}/{look_up(int(owner)).name}{axis}' for axis in axes]
  assert tuple(names) == sensors.SENSOR_NAMES
  np.testing.assert_array_equal(np.cumsum(model.sensor_dim) - model.sensor_dim, model.sensor_adr)
