"""Learning curves, as runs wrote them while they trained."""

import math
import pathlib

import numpy as np

from gmn_jax.training.records import FILE_NAME, read_records

Curves = dict[str, dict[str, list[float]]]
_SMOOTHED = 25  # points of a curve of training, each the mean of as many lines as that takes


def read_curves(workdir: pathlib.Path) -> Curves:
  """What a run wrote of its bound while it trained.

  Returns:
    Per split `step`, `elbo` (nats) and `elbo_error` (its standard error over scenes, which 'train'
    does not have: it is averaged over lines instead); of 'train' also `scenes_per_second`.

  Raises:
    UserError: it wrote nothing, or a line of it cannot be read.
  """
  curves: Curves = {}
  for record in read_records(workdir / FILE_NAME):
    curve = curves.setdefault(record['split'], {})
    for key in ('step', 'elbo', 'elbo_error', 'scenes_per_second'):
      if key in record:
        curve.setdefault(key, []).append(record[key])
  if 'train' in curves:
    lines = math.ceil(len(curves['train']['step']) / _SMOOTHED)
    curves['train'] = {key: _means(values, lines) for key, values in curves['train'].items()}
  return curves


def _means(values: list[float], lines: int) -> list[float]:
  return [float(np.mean(values[i : i + lines])) for i in range(0, len(values), lines)]
