"""Statistics of a dataset's haptic channels and objects, as the tables of its card.

Scenes of one's own have other channels, and no labels: of those the tables tell what there is.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

from mese_env import sensors
from tfds_mese.dataset import Scene, Source

_LABELS = {'walk_id': 'walks', 'cells_id': 'cell sets', 'shape_id': 'shapes'}


def haptic_table(source: Source, per_sensor: bool) -> Iterator[str]:
  """Yields the lines of a Markdown table: mean, standard deviation and range over all grasps.

  Args:
    source: scenes of a split.
    per_sensor: a row for each channel; else one for each kind of sensor.
  """
  scenes = (source[i] for i in range(len(source)))
  grasps = [haptics for scene in scenes if len(haptics := _views(scene, 'haptics'))]
  if not grasps:
    return
  haptics = np.concatenate(grasps).astype(np.float64)
  yield '| sensor | unit | channels | mean | std | min | max | not zero |'
  yield '|---|---|---|---|---|---|---|---|'
  for (name, unit), channels in _rows(haptics.shape[1], per_sensor).items():
    values = haptics[:, channels]
    yield (
      f'| {name} | {unit} | {len(channels)} '
      f'| {values.mean():.4g} | {values.std():.4g} | {values.min():.4g} | {values.max():.4g} '
      f'| {np.mean(values != 0):.0%} |'
    )


def object_table(splits: Mapping[str, Source]) -> Iterator[str]:
  """Yields the lines of a Markdown table: scenes and distinct objects of each split."""
  labels = [label for label in _LABELS if label in next(iter(splits.values()))[0]]
  heads = ['split', 'scenes', *(_LABELS[label] for label in labels), 'mean of images (0 to 255)']
  yield f'| {" | ".join(heads)} |'
  yield '|---' * len(heads) + '|'
  for name, source in splits.items():
    distinct, means = defaultdict(set), []
    for i in range(len(source)):
      scene = source[i]
      for label in labels:
        distinct[label].add(int(scene[label]))
      if len(images := _views(scene, 'images')):
        means.append(images.mean())
    mean = f'{np.mean(means):.2f}' if means else 'none'
    counts = [str(len(distinct[label])) for label in labels]
    yield f'| {" | ".join([name, str(len(source)), *counts, mean])} |'


def _views(scene: Scene, name: str) -> np.ndarray:
  """The views of a sense that a scene has, without those that fill it up."""
  views = scene.get(name, np.zeros(0))
  return views[scene.get(f'{name}_there', np.ones(len(views), bool))]


def _rows(num_channels: int, per_sensor: bool) -> dict[tuple[str, str], list[int]]:
  """Channels by name and unit; those of one's own hand have a number, and a unit that only its
  owner knows.
  """
  if num_channels != len(sensors.SENSOR_NAMES):
    every = range(num_channels)
    return {(str(i), '?'): [i] for i in every} if per_sensor else {('all', '?'): list(every)}
  if per_sensor:
    names = enumerate(sensors.SENSOR_NAMES)
    return {(name, sensors.UNITS[sensors.kind_of(name)]): [i] for i, name in names}
  return {(kind, sensors.UNITS[kind]): list(sensors.channels(kind=kind)) for kind in sensors.KINDS}
