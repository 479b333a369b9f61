"""What a config means: its fields checked, and the model and training step that it describes.

The fields and their comments are in `experiments/configs/apoe.py`.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from gmn_jax.model import GMN, POOLINGS
from gmn_jax.senses import HAPTIC, senses_of
from gmn_jax.senses.sets import modality_set
from gmn_jax.training.missing import Missing, experiment
from gmn_jax.training.train_step import train_step
from mese_env.errors import UserError, nearest
from tfds_mese.dataset import Dataset

# Fields that may change between the start of a run and its continuation: none of them decides what
# a step computes, to rounding, but that with `decay` the rate follows the `steps` that are asked
# for.
_MAY_CHANGE = frozenset(
  (
    'preset',
    'data_dir',
    'accumulate',
    'remat',
    'fsdp',
    'steps',
    'log_every',
    'checkpoint_every',
    'validate_every',
    'validate_scenes',
    'sample_every',
    'profile_steps',
  )
)
_CHOICES = {
  'variant': tuple(POOLINGS),
  'absent': ('prior', 'mask'),
  'optimizer': ('adam', 'muon'),
  'dtype': ('float32', 'bfloat16'),
  'protocol': ('reference', 'strict'),
}
# A model computes in the dtype of its inputs, float32, unless it is told another one.
_DTYPES = {'float32': None, 'bfloat16': jnp.bfloat16}
_AT_LEAST_ONE = (
  'accumulate',
  'haptic_channels', 'width', 'draw_steps', 'latent', 'few_scenes', 'batch_size', 'fsdp', 'steps',
  'log_every', 'checkpoint_every', 'validate_every', 'validate_scenes', 'sample_every',
)  # fmt: skip
# Hidden channels whose convolutions to gates, four times as many, XLA splits over a CPU's cores.
_WIDE = 32
_POSITIVE = ('learning_rate', 'bias_rate', 'clip', 'std')
_NOT_NEGATIVE = (
  'beta', 'weight_decay', 'seed', 'few_steps', 'warmup_steps', 'skip_nonfinite', 'profile_steps',
)  # fmt: skip


def check(config: ConfigDict) -> None:
  """Refuses what no run can be made of.

  Raises:
    UserError: names the field, its value and what it may be.
  """
  for field, choices in _CHOICES.items():
    if config[field] not in choices:
      near = nearest(config[field], choices)
      raise UserError(
        f"{field} is '{config[field]}'; use one of {', '.join(choices)}; did you mean '{near}'?"
      )
  for fields, holds, rule in (
    (_AT_LEAST_ONE, lambda value: value >= 1, 'at least 1'),
    (_POSITIVE, lambda value: value > 0, 'positive'),
    (_NOT_NEGATIVE, lambda value: value >= 0, 'not negative'),
  ):
    for field in fields:
      if not holds(config[field]):
        raise UserError(f'{field} is {config[field]}; it must be {rule}.')
  if config.batch_size % config.accumulate:
    raise UserError(
      f'batch_size is {config.batch_size}, which does not divide by accumulate, '
      f'{config.accumulate}.'
    )
  for field, whole in (
    ('decay', 'steps'),
    ('withheld', 'scenes'),
    ('withheld_views', 'scenes'),
  ):
    if not 0 <= config[field] <= 1:
      raise UserError(f'{field} is {config[field]}; it is a part of all {whole}, from 0 to 1.')
  modality_set(config.modalities, config.image_size, config.haptic_channels)
  make_missing(config)


def check_dataset(config: ConfigDict, dataset: Dataset) -> None:
  """Refuses a dataset whose grasps the config's model cannot take.

  Raises:
    UserError: names the field.
  """
  modalities = modality_set(config.modalities, config.image_size, config.haptic_channels)
  if HAPTIC not in senses_of(modalities):
    return
  channels = len(HAPTIC.range_in(dataset.ranges).low)
  if channels != config.haptic_channels:
    raise UserError(
      f'the grasps of {config.dataset} have {channels} sensors, and haptic_channels is '
      f'{config.haptic_channels}; give --config.haptic_channels={channels}.'
    )


def make_model(config: ConfigDict) -> GMN:
  """The network that a config describes."""
  return GMN(
    modalities=modality_set(config.modalities, config.image_size, config.haptic_channels),
    pooling=dataclasses.replace(POOLINGS[config.variant], mask_absent=config.absent == 'mask'),
    width=config.width,
    steps=config.draw_steps,
    latent=config.latent,
    hierarchical=config.hierarchical,
    dtype=_DTYPES[config.dtype],
    remat=config.remat,
  )


def make_missing(config: ConfigDict) -> Missing | None:
  """Which modalities the training scenes lack; None: none."""
  return experiment(config.modalities, config.missing, config.protocol, config.seed)


def make_step(
  config: ConfigDict, model: GMN, optimizer: optax.GradientTransformation
) -> functools.partial:
  """`train_step` as a config describes it, of state, scenes, ranges and `make_missing`; not
  compiled.
  """
  return functools.partial(
    train_step,
    model=model,
    optimizer=optimizer,
    opposite=config.opposite,
    beta=config.beta,
    std=config.std,
    accumulate=config.accumulate,
    withheld=config.withheld,
    withheld_views=config.withheld_views,
  )


def compiler_options(config: ConfigDict) -> dict[str, bool] | None:
  """What XLA is told of the training step; None: nothing.

  Its scheduler for CPUs spends memory to run small operations side by side. Wide convolutions
  occupy all cores by themselves (experiments/bench/NOTES.md).
  """
  if jax.default_backend() != 'cpu' or config.width < _WIDE:
    return None
  return {'xla_cpu_enable_concurrency_optimized_scheduler': False}


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
  """What makes two configs two different runs, as 'field=stored (now given)'.

  Empty where one continues the other.
  """
  fields = sorted((set(stored) | set(given)) - _MAY_CHANGE)
  return [
    f'{field}={stored.get(field)!r} (now {given.get(field)!r})'
    for field in fields
    if stored.get(field) != given.get(field)
  ]
