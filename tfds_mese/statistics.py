"""Statistics of a dataset's haptic channels and objects, as the tables of its card."""

from collections.abc import Iterator, Mapping

import numpy as np

from mese_env import sensors
from tfds_mese.dataset import Source


def haptic_table(source: Source, per_sensor: bool) -> Iterator[str]:
  """Yields the lines of a Markdown table: mean, standard deviation and range over all grasps.

  Args:
    source: scenes of a split.
    per_sensor: a row for each of the 132 channels; else one for each kind of sensor.
  """
  haptics = np.concatenate([source[i]['haptics'] for i in range(len(source))]).astype(np.float64)
  if per_sensor:
    rows = {name: [i] for i, name in enumerate(sensors.SENSOR_NAMES)}
  else:
    rows = {kind: list(sensors.channels(kind=kind)) for kind in sensors.KINDS}
  yield '| sensor | unit | channels | mean | std | min | max | not zero |'
  yield '|---|---|---|---|---|---|---|---|'
  for name, channels in rows.items():
    values = haptics[:, channels]
    yield (
      f'| {name} | {sensors.UNITS[sensors.kind_of(name)]} | {len(channels)} '
      f'| {values.mean():.4g} | {values.std():.4g} | {values.min():.4g} | {values.max():.4g} '
      f'| {np.mean(values != 0):.0%} |'
    )


def object_table(splits: Mapping[str, Source]) -> Iterator[str]:
  """Yields the lines of a Markdown table: scenes and distinct objects of each split."""
  yield '| split | scenes | walks | cell sets | shapes | mean of images (0 to 255) |'
  yield '|---|---|---|---|---|---|'
  for name, source in splits.items():
    scenes = [source[i] for i in range(len(source))]
    distinct = [
      len({int(scene[label]) for scene in scenes}) for label in ('walk_id', 'cells_id', 'shape_id')
    ]
    mean = np.mean([scene['images'].mean() for scene in scenes])
    yield f'| {name} | {len(scenes)} | {" | ".join(map(str, distinct))} | {mean:.2f} |'
