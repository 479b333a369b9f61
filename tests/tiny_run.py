"""A tiny model and scenes of noise, for tests of how training runs, not of what it learns."""

import functools

import jax
import numpy as np

from gmn_jax.config import Config, make_missing, make_model, preset
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses import Range
from gmn_jax.training.checkpoint import Run
from gmn_jax.training.train_step import TrainState, make_step
from tests import tiny
from tfds_mese.dataset import Dataset

VIEWS = 4


_TINY = preset(
  'small',
  image_size=8,
  width=2,
  draw_steps=2,
  latent=1,
  batch_size=2,
  steps=6,
  optimizer='adam',
  # The learning rate must not depend on where a run is meant to end.
  decay=0.0,
  log_every=1,
  checkpoint_every=2,
  validate_every=3,
  validate_scenes=3,
  sample_every=6,
)


def tiny_config(**fields) -> Config:
  """The small preset at its smallest, with `fields` changed."""
  return _TINY.replace(**fields)


def random_scene(index: int) -> dict[str, np.ndarray]:
  """A scene of noise that `index` decides."""
  rng = np.random.default_rng(index)
  return {
    'images': rng.integers(0, 256, (VIEWS, 8, 8, 3), np.uint8),
    'cameras': rng.normal(size=(VIEWS, 5)).astype(np.float32),
    'haptics': rng.normal(size=(VIEWS, 132)).astype(np.float32),
    'hands': rng.normal(size=(VIEWS, 5)).astype(np.float32),
    'index': np.int64(index),
  }


def random_dataset(scenes: int = 5) -> Dataset:
  """Splits of noise."""
  splits = {
    'train': [random_scene(i) for i in range(scenes)],
    'val': [random_scene(100 + i) for i in range(3)],
  }
  return Dataset(splits, RANGES, {})


def random_run(**fields) -> Run:
  """A run of `tiny_config(**fields)` whose parameters are noise."""
  config = tiny_config(**fields)
  model = make_model(config)
  params = jax.tree.map(np.float32, tiny.draw_params(model))
  return Run(config, model, params, RANGES, 0)


def tiny_step(config: Config) -> tuple[functools.partial, TrainState]:
  """The training step of a config, not compiled, and a state whose parameters are noise."""
  model, optimizer = make_model(config), make_optimizer(config)
  step = functools.partial(make_step(config, model, optimizer), missing=make_missing(config))
  params = jax.tree.map(np.float32, tiny.draw_params(model))
  return step, TrainState(params, optimizer.init(params), np.int32(0), jax.random.key(config.seed))


def random_batch(scenes: int) -> dict[str, np.ndarray]:
  """Scenes of noise, stacked."""
  chosen = [random_scene(i) for i in range(scenes)]
  batch = {name: np.stack([scene[name] for scene in chosen]) for name in chosen[0]}
  return batch | {'index': batch['index'].astype(np.uint32)}


RANGES = {'haptic': Range(np.full(132, -2, np.float32), np.full(132, 2, np.float32))}
