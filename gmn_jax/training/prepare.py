"""What a run needs before its first step, made from its config and dataset."""

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import grain
import jax
import numpy as np
import optax

from gmn_jax.config import Config, make_missing, make_model
from gmn_jax.model import GMN
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses import Ranges, cut_scenes, views_there
from gmn_jax.senses.sense import as_ranges, senses_of
from gmn_jax.senses.views import poses_there
from gmn_jax.training import checksum
from gmn_jax.training.carried import carried_params, model_to_start_from
from gmn_jax.training.input import (
  KEPT_BYTES,
  KEPT_BYTES_ON_CPU,
  Selected,
  check_dataset,
  read_first,
  train_batches,
)
from gmn_jax.training.quiet_start import mean_biases
from gmn_jax.training.sharding import Layout, make_layout
from gmn_jax.training.train_step import TrainState, compiler_options, init_state, make_step
from gmn_jax.training.validation import Validation
from tfds_mese.dataset import Dataset

_SCENES_OF_THE_MEAN = 64


class Prepared(NamedTuple):
  """All of a run but its state; nothing of it is compiled.

  Attributes:
    model: the network.
    optimizer: of its parameters.
    layout: of the run over devices.
    ranges: of the senses, on the host.
    given: what the step takes besides state and scenes: the ranges, and which modalities scenes
      lack, on every device.
    batches: of training scenes, on the devices.
    batch_like: what a batch is.
    start: makes the state at step 0.
    like: what a state is, with its shardings.
    update: the training step.
    validation: measures and draws.
  """

  model: GMN
  optimizer: optax.GradientTransformation
  layout: Layout
  ranges: Ranges
  given: tuple[Any, ...]
  batches: grain.DatasetIterator
  batch_like: dict[str, jax.ShapeDtypeStruct]
  start: Callable[[], TrainState]
  like: TrainState
  update: jax.stages.Wrapped
  validation: Validation


class Program(NamedTuple):
  """The training step on devices that need not be there; not compiled.

  Attributes:
    model: the network.
    optimizer: of its parameters.
    start: makes the state at step 0.
    like: what a state is, with its shardings.
    update: the training step.
  """

  model: GMN
  optimizer: optax.GradientTransformation
  start: jax.stages.Wrapped
  like: TrainState
  update: jax.stages.Wrapped


def make_program(
  config: Config, layout: Layout, quiet_biases: Mapping[str, np.ndarray] | None = None
) -> Program:
  """The training step that a config describes, on the devices of a layout.

  `quiet_biases` are those of the start, as `init_state` takes them.
  """
  model, optimizer = make_model(config), make_optimizer(config)
  start = functools.partial(init_state, model, optimizer, config.seed, quiet_biases)
  shapes = jax.eval_shape(start)
  shardings = layout.state(shapes)
  update = jax.jit(
    make_step(config, layout.parallel(model), optimizer),
    donate_argnums=0,
    out_shardings=(shardings, layout.whole),
    compiler_options=compiler_options(config, layout.platform),
  )
  start = jax.jit(start, out_shardings=shardings)
  return Program(model, optimizer, start, jax.tree.map(_like, shapes, shardings), update)


def prepare(config: Config, dataset: Dataset) -> Prepared:
  """Makes what a run needs.

  Raises:
    UserError: batch and `fsdp` do not fit the devices, the dataset is not of the model's senses, or
      scenes cannot be read.
  """
  check_dataset(config, dataset)
  layout = make_layout(config.batch_size, config.fsdp, jax.devices(), config.accumulate)
  model = make_model(config)
  ranges = as_ranges(dataset.ranges)
  given = jax.device_put((ranges, make_missing(config)), layout.whole)
  sources = {split: Selected(dataset.splits[split], model.modalities) for split in ('train', 'val')}
  batches = train_batches(
    sources['train'],
    config.batch_size,
    config.seed,
    layout.scenes,
    config.few_scenes,
    config.few_steps,
    kept_bytes=KEPT_BYTES_ON_CPU if layout.platform == 'cpu' else KEPT_BYTES,
  )
  scenes = read_first(sources['train'], _SCENES_OF_THE_MEAN)
  for sense in senses_of(model.modalities):
    model.rendering.check(sense, poses_there(sense, scenes))
  quiet_biases = None
  if config.quiet_start and not config.start_from:
    views = cut_scenes(model.modalities, scenes, ranges)
    quiet_biases = mean_biases(model, views, views_there(model.modalities, scenes))
  program = make_program(config, layout, quiet_biases)
  return Prepared(
    model=model,
    optimizer=program.optimizer,
    layout=layout,
    ranges=ranges,
    given=given,
    batches=batches,
    batch_like=batch_like(scenes, config, layout),
    start=functools.partial(_carried_start, config, program, ranges)
    if config.start_from
    else program.start,
    like=program.like,
    update=program.update,
    validation=Validation(
      model, sources['val'], sources['train'], given[0], given[1], layout, config
    ),
  )


def _carried_start(config: Config, program: Program, ranges: Ranges) -> TrainState:
  """The state at step 0 with the parameters that the config starts from."""
  state, run = program.start(), model_to_start_from(config)
  params = carried_params(config, run)
  alike = checksum.of_arrays(run.ranges) == checksum.of_arrays(ranges)
  scaled = '' if alike else ', whose senses were scaled by other ranges'
  print(
    f'begins with the model in {config.start_from}, after step {run.step}{scaled}', file=sys.stderr
  )
  return state._replace(
    params=jax.tree.map(lambda x, leaf: jax.device_put(x, leaf.sharding), params, state.params)
  )


def batch_like(
  scenes: dict[str, np.ndarray], config: Config, layout: Layout
) -> dict[str, jax.ShapeDtypeStruct]:
  """What a batch of scenes like these is, of all processes."""
  return {
    field: jax.ShapeDtypeStruct(
      (config.batch_size, *rows.shape[1:]), rows.dtype, sharding=layout.scenes
    )
    for field, rows in scenes.items()
  }


def _like(leaf: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
