"""Models of a few kilobytes, random parameters and scenes for them."""

import dataclasses
import math

import jax
import numpy as np

from gmn_jax.model import GMN, POOLINGS, VARIANTS, Episodes, Noise, parameter_shapes
from gmn_jax.senses import HAPTIC, IMAGE, ImageCut, Modality, VectorCut, Views

# Neither square, nor of one size, nor grouped by kind.
LEFT = Modality('left', IMAGE, ImageCut(8, rows=(0, 8), columns=(0, 4)), (8, 4, 3))
TOUCH = Modality('touch', HAPTIC, VectorCut((0, 1, 2, 3, 4)), (5,))
RIGHT = Modality('right', IMAGE, ImageCut(8, (0, 8), (4, 8), channels=(1,)), (8, 4, 1))
MODALITIES = (LEFT, TOUCH, RIGHT)


def make_model(
  variant: str,
  modalities: tuple[Modality, ...] = MODALITIES,
  pooling: str = 'product',
  mask_absent: bool = False,
  **kwargs,
) -> GMN:
  """A model of width 4 and 3 draw steps; `mask_absent` is the pooling's."""
  pooled = dataclasses.replace(POOLINGS[pooling], mask_absent=mask_absent)
  sizes = {'width': 4, 'steps': 3, 'latent': 2}
  return GMN(modalities, VARIANTS[variant], pooled, **{**sizes, **kwargs})


def draw_params(model: GMN, seed: int = 0) -> dict:
  """Normal numbers for every parameter, also those that start at zero; every input matters."""
  rng = np.random.default_rng(seed)

  def draw(leaf):
    if leaf.ndim == 1:
      return 0.3 * rng.standard_normal(leaf.shape)
    # On a latent grid of two by one, most taps of a kernel fall outside.
    gain = 3 if leaf.ndim > 3 else 1
    return gain * rng.standard_normal(leaf.shape) / math.sqrt(math.prod(leaf.shape[-4:-1]))

  return jax.tree.map(draw, parameter_shapes(model))


def draw_views(model: GMN, scenes: int = 2, views: int = 4, seed: int = 0) -> Views:
  """Random senses and queries."""
  rng = np.random.default_rng(seed)
  senses = tuple(rng.random((scenes, views, *m.shape)) for m in model.modalities)
  return Views(senses, tuple(rng.standard_normal((scenes, views, 7)) for _ in senses))


def make_episodes(context_BMV, target_BMV) -> Episodes:
  """One episode per scene, from masks."""
  return Episodes(np.array(context_BMV, bool)[None], np.array(target_BMV, bool)[None])


def draw_noise(model: GMN, episodes: int, seed: int = 0) -> Noise:
  """Standard normal numbers for the latents, and for representations where they are latent too."""

  def draw(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    count, sets, *rest = shape
    return np.random.default_rng(seed).standard_normal((sets, count, *rest)).swapaxes(0, 1)

  latents = draw(seed, model.latents_shape(episodes))
  if not model.hierarchical:
    return Noise(latents)
  return Noise(latents, draw(seed + 1, model.representations_shape(episodes)))
