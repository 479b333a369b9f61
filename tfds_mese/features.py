"""The arrays of a scene as TFDS features, each with its shape, dtype, meaning and unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mese_env.sensors import SENSOR_NAMES

# The fields of a scene config that decide the shapes.
SIZES = ('num_looks', 'num_grasps', 'image_size', 'num_parts')


def scene_features(scene: Mapping[str, Any]) -> dict[str, tfds.features.FeatureConnector]:
  """Describes the arrays of a scene made from a config, a mapping of fields, in the names of
  `generate_scene`.
  """
  looks, grasps, size, parts = (scene[field] for field in SIZES)

  def array(
    shape: tuple[int, ...], dtype: type[np.generic], desc: str, value_range: str | None = None
  ) -> tfds.features.Tensor:
    # The default encoding would store a byte of an image as a 64-bit integer.
    return tfds.features.Tensor(
      shape=shape,
      dtype=dtype,
      encoding='bytes',
      doc=tfds.features.Documentation(desc=desc, value_range=value_range),
    )

  pose = 'x y z in metres, pitch and yaw in radians'
  angles = 'pitch and yaw in [0, 2 pi)'
  return {
    'images': array((looks, size, size, 3), np.uint8, 'Looks, sRGB.', '[0, 255]'),
    'cameras': array((looks, 5), np.float32, f'Camera of each look: {pose}.', angles),
    'haptics': array(
      (grasps, len(SENSOR_NAMES)),
      np.float32,
      'Sensors of the closed hand, in the order of mese_env.sensors.SENSOR_NAMES: joint angles '
      '(rad) and velocities (rad/s), actuators likewise and their forces (N m), accelerations '
      '(m/s^2), turn rates (rad/s), touch forces (N).',
      'touch at most 150',
    ),
    'hands': array((grasps, 5), np.float32, f'Wrist of each grasp: {pose}.', angles),
    'positions': array((parts, 3), np.float32, 'Centres of the cubes in metres, mean zero.'),
    'colours': array((parts, 3), np.float32, 'Red, green, blue of each cube.', '[0, 1]'),
    'walk_id': array((), np.int64, 'Object as an ordered walk of cubes.'),
    'cells_id': array((), np.int64, 'Object as a set of cells in its orientation.'),
    'shape_id': array((), np.int64, 'Object up to rotation.'),
    'num_parts': array((), np.int64, 'Cubes of the object.', '4 to 7'),
    'seed': array((), np.int64, 'Seed that, with the index, makes the scene again.'),
    'index': array((), np.int64, 'Index of the scene, unique over the splits.'),
  }
