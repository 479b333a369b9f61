"""What the bench times: the training step of a config, on scenes of noise that no step has met.

A step takes the same time on any scenes, but not on scenes that the last one left in a cache.
"""

import functools
import time
from collections.abc import Iterator

import jax
import numpy as np

from gmn_jax.config import Config, make_missing, make_model
from gmn_jax.model import GMN
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses import HAPTIC, Range
from gmn_jax.training.heap import keep_free_memory, return_free_memory
from gmn_jax.training.train_step import (
  TrainState,
  compiler_options,
  init_state,
  keeps_free_memory,
  make_step,
)

VIEWS = 15
RANGES = {HAPTIC.name: Range(np.full(132, -1, np.float32), np.full(132, 1, np.float32))}


def fresh_scenes(config: Config) -> Iterator[dict[str, jax.Array]]:
  """Endless batches of noise, each drawn when it is asked for, on the device."""
  rng = np.random.default_rng(config.seed)
  batch = config.batch_size
  while True:
    scenes = {
      'images': rng.integers(0, 256, (batch, VIEWS, 64, 64, 3), np.uint8),
      'cameras': rng.normal(size=(batch, VIEWS, 5)).astype(np.float32),
      'haptics': rng.uniform(-1, 1, (batch, VIEWS, 132)).astype(np.float32),
      'hands': rng.normal(size=(batch, VIEWS, 5)).astype(np.float32),
      'index': rng.integers(0, 2**31, batch, np.uint32),
    }
    yield jax.block_until_ready(jax.device_put(scenes))


def init(config: Config, model: GMN) -> TrainState:
  """The state at step 0."""
  start = jax.jit(functools.partial(init_state, model, make_optimizer(config), config.seed))
  state = jax.block_until_ready(start())
  return_free_memory()
  return state


def training_step(config: Config, model: GMN) -> jax.stages.Wrapped:
  """The step that training compiles, from state, scenes and ranges to state and metrics."""
  step = make_step(config, model, make_optimizer(config))
  return jax.jit(
    functools.partial(step, missing=make_missing(config)),
    donate_argnums=0,
    compiler_options=compiler_options(config),
  )


class Subject:
  """A training step, compiled without a cache, and the state that it changes.

  Args:
    config: of the run.
    update: from state, scenes and ranges to the next state and the metrics, jitted; the training
      step of the config if it is not given.

  Attributes:
    config: as given.
    model: of the config.
    update: as given, not compiled.
    compiled: the same, compiled.
    compile_s: how many seconds that took.
    state: after the steps taken so far.
    metrics: of the last step.
  """

  def __init__(self, config: Config, update: jax.stages.Wrapped | None = None):
    self.config, self.model = config, make_model(config)
    self.update = training_step(config, self.model) if update is None else update
    self.state = init(config, self.model)
    self._scenes = fresh_scenes(config)
    jax.config.update('jax_enable_compilation_cache', False)
    began = time.perf_counter()
    self.compiled = self.update.lower(self.state, next(self._scenes), RANGES).compile()
    self.compile_s = time.perf_counter() - began
    return_free_memory()
    if keeps_free_memory(config):
      keep_free_memory()

  def scenes(self) -> dict[str, jax.Array]:
    """A batch that no step has met."""
    return next(self._scenes)

  def step(self, scenes: dict[str, jax.Array]) -> float:
    """Trains on a batch, waits for the state and returns the loss."""
    self.state, self.metrics = self.compiled(self.state, scenes, RANGES)
    jax.block_until_ready(self.state)
    return float(self.metrics['loss'])

  def time_step(self) -> float:
    """Seconds of a step, whose scenes were in memory before."""
    scenes = self.scenes()
    began = time.perf_counter()
    self.step(scenes)
    return time.perf_counter() - began
