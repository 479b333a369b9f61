"""Features of scenes, to which probes are fitted: the model's beliefs, and beside them raw senses.

Dims: B scenes, M modalities, V views, T draw steps, h w latent grid, Z latent channels, F features.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.evaluation import contexts
from experiments.evaluation.scenes import stack_scenes
from gmn_jax import inference
from gmn_jax.model import GMN
from gmn_jax.senses import Views, count_views, cut_scenes
from gmn_jax.training.checkpoint import Run

_BLOCK = 20  # scenes represented at once


def belief(model: GMN, params: Any, views: Views, context_BMV: jax.Array) -> jax.Array:
  """The means of the belief at every draw step, along the path without noise, (B, T, h, w, Z)."""
  _, means = inference.represent(model, params, views, context_BMV)
  return means


def average(model: GMN, params: Any, views: Views, context_BMV: jax.Array) -> jax.Array:
  """Senses and embedded queries, averaged over the views given of each modality, (B, F)."""
  del params
  parts = []
  for m in range(len(model.modalities)):
    given_BV = context_BMV[:, m]
    weights_BV = given_BV / given_BV.sum(axis=1, keepdims=True).clip(1)
    for part in (views.senses[m], views.queries[m]):
      flat_BVF = part.reshape(*part.shape[:2], -1)
      parts.append((weights_BV[:, :, None] * flat_BVF).sum(axis=1))
  return jnp.concatenate(parts, axis=1)


def features_of(
  compute: Callable[..., jax.Array],
  run: Run,
  scenes: list[dict[str, np.ndarray]],
  counts: tuple[int, ...],
) -> np.ndarray:
  """What `belief` or `average`, of a model, makes of scenes, in blocks: scenes lead.

  Args:
    compute: of parameters, views and a context's mask, the features of the scenes.
    run: whose parameters, modalities and ranges are used.
    scenes: all of as many views.
    counts: how many views of each modality are given, the first ones.
  """
  blocks = []
  for start in range(0, len(scenes), _BLOCK):
    block = stack_scenes(scenes[start : start + _BLOCK], run.model.modalities)
    views = cut_scenes(run.model.modalities, block, run.ranges)
    mask = contexts.context_mask(counts, *count_views(run.model.modalities, block))
    blocks.append(np.asarray(compute(run.params, views, mask)))
  return np.concatenate(blocks)
