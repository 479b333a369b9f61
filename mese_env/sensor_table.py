"""The 132 channels as a table: what each is, and what grasps of random objects give it."""

import numpy as np

from mese_env import sensors, stats
from mese_env.progress import Progress

_HEAD = ('name', 'finger', 'kind', 'unit', 'lowest', 'highest', 'not zero')


def measured(num_scenes: int, seed: int, hand_name: str) -> str:
  """Grasps objects and lists the channels, a line each; progress goes to standard error.

  Args:
    num_scenes: objects, of 5 parts; each is grasped 15 times.
    seed: of objects and grasps.
    hand_name: whose grasps, one of `hand.NAMES`.

  Raises:
    UserError: there is no such hand; MuJoCo, or what holds the meshes, is not installed.
  """
  with Progress('grasps', total=num_scenes * stats.GRASPS_PER_SCENE) as progress:
    haptics, _ = stats.grasp_objects(num_scenes, seed, hand_name, progress)
  rows: list[tuple[str, ...]] = [_HEAD]
  for name, readings in zip(sensors.SENSOR_NAMES, haptics.T, strict=True):
    kind = sensors.kind_of(name)
    share = f'{np.mean(readings != 0):.1%}'
    ends = (f'{readings.min():.3f}', f'{readings.max():.3f}')
    rows.append((name, sensors.finger_of(name), kind, sensors.UNITS[kind], *ends, share))
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  lines = []
  for row in rows:
    words = [cell.ljust(width) for cell, width in zip(row[:4], widths[:4], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(row[4:], widths[4:], strict=True)]
    lines.append('  '.join([*words, *numbers]))
  return '\n'.join(lines)
