"""Touching: the readings of a hand that grasps, a vector of any length."""

from gmn_jax.senses.sense import Bars, Sense, one_group
from gmn_jax.senses.vector import VectorEncoder, VectorRenderer


def _bars(numbers: int) -> list[Bars]:
  """The simulated hand's sensors by kind; of another hand all in one row."""
  # Drawing alone asks; the model is imported without the environment.
  from mese_env import sensors

  if numbers != len(sensors.SENSOR_NAMES):
    return one_group(numbers)
  groups = []
  for kind in sensors.KINDS:
    indices = sensors.channels(kind=kind)
    labels = [sensors.SENSOR_NAMES[i].split('/', 1)[1] for i in indices]
    groups.append(Bars(kind, sensors.UNITS[kind], indices, labels))
  return groups


HAPTIC = Sense(
  name='haptic',
  views='grasps',
  field='haptics',
  pose_field='hands',
  encoder=VectorEncoder,
  renderer=VectorRenderer,
  bars=_bars,
)
