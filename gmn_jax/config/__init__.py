"""What a run is: a typed config, its presets, and the model that it describes.

May use `senses`, `model`, `optimisers` and `trackers`; knows no loops, files or commands. ::

  from gmn_jax import config, train
  train(config.preset('small', variant='poe', steps=100), dataset, 'runs/poe')
"""

from gmn_jax.config.config import Config, differences
from gmn_jax.config.made import make_missing, make_model
from gmn_jax.config.presets import PRESETS, preset
from gmn_jax.config.sections import (
  DataConfig,
  EpisodesConfig,
  ModelConfig,
  OptimiserConfig,
  RunConfig,
)

__all__ = [
  'PRESETS',
  'Config',
  'DataConfig',
  'EpisodesConfig',
  'ModelConfig',
  'OptimiserConfig',
  'RunConfig',
  'differences',
  'make_missing',
  'make_model',
  'preset',
]
