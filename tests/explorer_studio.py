"""A studio of a tiny model, whose parameters are noise, for tests of the explorer."""

import numpy as np

from experiments.explorer.studio import Studio
from gmn_jax.models import Model
from gmn_jax.senses import Range
from tests import tiny_run

NAME = 'tiny'
# The hand's readings, of up to 1,000 m/s^2, are within the ranges of a real model.
_RANGES = {'haptic': Range(np.full(132, -200, np.float32), np.full(132, 200, np.float32))}


def studio(**fields) -> Studio:
  """Of one model; `fields` are its config's."""
  run = tiny_run.random_run(**fields)
  return Studio({NAME: Model(run._replace(ranges=_RANGES))})
