"""What a config describes: the model, and which modalities its training scenes lack."""

import dataclasses

import jax.numpy as jnp

from gmn_jax.config.config import Config
from gmn_jax.config.sections import ModelConfig
from gmn_jax.model import GMN, POOLINGS, VARIANTS
from gmn_jax.model.missing import Missing, experiment
from gmn_jax.senses.rendering import RENDERINGS
from gmn_jax.senses.sets import modality_set

# A model computes in the dtype of its inputs, float32, unless it is told another one.
_DTYPES = {'float32': None, 'bfloat16': jnp.bfloat16}
_MASKED = {'prior': False, 'mask': True}


def make_model(config: ModelConfig) -> GMN:
  """The network that a config describes."""
  return GMN(
    modalities=modality_set(config.modalities, config.image_size, config.haptic_channels),
    variant=VARIANTS[config.variant],
    pooling=dataclasses.replace(POOLINGS[config.pooling], mask_absent=_MASKED[config.absent]),
    width=config.width,
    steps=config.draw_steps,
    latent=config.latent,
    hierarchical=config.hierarchical,
    dtype=_DTYPES[config.dtype],
    remat=config.remat,
    informed=config.informed,
    rendering=RENDERINGS[config.renderer],
  )


def make_missing(config: Config) -> Missing | None:
  """Which modalities the training scenes lack; None: none."""
  return experiment(config.modalities, config.missing, config.protocol, config.seed)
