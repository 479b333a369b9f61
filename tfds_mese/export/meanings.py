"""What the arrays of a scene mean, in words, for those who meet them without this project."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfds_mese.export.columns import Column

# Of one's own scenes; built datasets say it in their features.
_OWN = {
  'images': 'Looks, RGB.',
  'cameras': 'Camera of each look: x y z in metres, pitch and yaw in radians.',
  'haptics': 'Sensors of each grasp.',
  'hands': 'Hand of each grasp: x y z in metres, pitch and yaw in radians.',
  'images_there': 'Which looks the scene has; the others are zeros.',
  'haptics_there': 'Which grasps the scene has; the others are zeros.',
  'index': 'Index of the scene, unique over the splits.',
}


def meanings(columns: Sequence[Column], metadata: Mapping[str, Any]) -> dict[str, str]:
  """A sentence or two for each array.

  Args:
    columns: the arrays.
    metadata: of the dataset; of a built one they say what its scenes are made from.
  """
  if not is_built(metadata):
    return {column.name: _OWN.get(column.name, '') for column in columns}
  # TFDS takes a second to load, and not all readers of an export need it.
  import dataclasses

  from mese_env import SceneConfig
  from tfds_mese.features import scene_features

  scene = dataclasses.asdict(SceneConfig()) | metadata['splits']['train']['scene']
  features = scene_features(scene)
  return {column.name: _sentence(features[column.name].doc) for column in columns}


def is_built(metadata: Mapping[str, Any]) -> bool:
  """Whether a dataset of these metadata was built by `tfds_mese`, and is not one's own."""
  return 'generator_version' in metadata


def _sentence(documentation: Any) -> str:
  known = documentation.value_range
  return f'{documentation.desc} Range: {known}.' if known else documentation.desc
