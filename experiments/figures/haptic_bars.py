"""Imagined grasps against the truth: bars for every sensor, grouped by kind, in its own unit.

Dims: K samples, D sensors.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments.figures import style as figures
from gmn_jax.senses.batch import HapticRange
from gmn_jax.senses.modality import unscale_haptic
from mese_env import sensors

_WIDTH = 0.4  # of a bar


def draw(
  truth_D: np.ndarray,
  samples_KD: np.ndarray,
  channels_D: np.ndarray,
  haptic_range: HapticRange,
  title: str,
) -> Figure:
  """Draws one grasp; error bars are the standard deviation over the samples.

  Args:
    truth_D: as felt, scaled.
    samples_KD: as imagined, scaled.
    channels_D: which sensors these are, indices into the haptic vector.
    haptic_range: undoes the scaling.
    title: of the figure.
  """
  low, high = (np.asarray(end)[channels_D] for end in haptic_range)
  truth, samples = (unscale_haptic(x, low, high) for x in (truth_D, samples_KD))
  groups = _groups(channels_D, len(haptic_range.low))
  rows = -(-len(groups) // 2)
  figure, axes = figures.panels(rows, min(2, len(groups)), width=5.2, height=2.1)
  for axis, (name, unit, at, labels) in zip(axes.flat, groups, strict=False):
    x = np.arange(len(at))
    axis.bar(x - _WIDTH / 2, truth[at], _WIDTH, color=figures.COLOURS[-1], label='truth')
    axis.bar(
      x + _WIDTH / 2,
      samples[:, at].mean(axis=0),
      _WIDTH,
      yerr=samples[:, at].std(axis=0),
      error_kw={'elinewidth': 0.7},
      color=figures.COLOURS[0],
      label=f'imagined: mean and standard deviation of {len(samples)} samples',
    )
    axis.axhline(0, color='0.4', linewidth=0.6)
    figures.describe(axis, name, '', f'reading ({unit})')
    axis.set_xticks(x, labels, rotation=90, fontsize=5)
  for axis in list(axes.flat)[len(groups) :]:
    axis.set_visible(False)
  handles, names = axes.flat[0].get_legend_handles_labels()
  figure.legend(handles, names, loc='outside lower center', ncols=2, fontsize=8, frameon=False)
  figure.suptitle(title, fontsize=10)
  return figure


def _groups(channels_D: np.ndarray, total: int) -> list[tuple[str, str, np.ndarray, list[str]]]:
  """Name, unit, places among the D, and labels of each kind of sensor."""
  if total != len(sensors.SENSOR_NAMES):  # Not the simulated hand's.
    return [('all sensors', 'own unit', np.arange(len(channels_D)), list(map(str, channels_D)))]
  groups = []
  for kind in sensors.KINDS:
    at = np.flatnonzero(np.isin(channels_D, sensors.channels(kind=kind)))
    if at.size:
      labels = [sensors.SENSOR_NAMES[channels_D[i]].split('/', 1)[1] for i in at]
      groups.append((kind, sensors.UNITS[kind], at, labels))
  return groups
