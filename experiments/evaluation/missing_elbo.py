"""The bound of scenes by how many modalities give context, of every scene the same views asked for.

Dims: B scenes, M modalities, V views.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.model import GMN, Episodes, elbo_terms, sample_noise
from gmn_jax.senses import Ranges, count_views, cut_scenes
from gmn_jax.training.checkpoint import Run

Array = jax.Array
_BLOCK = 10  # scenes measured at once


def sample_episodes_of(
  key: Array, size: Array, scenes: int, modalities: int, views: int, asked: int
) -> Episodes:
  """Episodes in which `size` modalities give context, and the last views of all are asked for.

  The modalities are uniform among the sets of that size, as in `val_full`; each gives the first c
  of its V - asked other views, c ~ U{1..V - asked}.

  Args:
    key: decides the modalities and c.
    size: how many modalities.
    scenes: B.
    modalities: M.
    views: V.
    asked: how many views of each modality are targets.
  """
  key_masks, key_counts = jax.random.split(key)
  gives_BM = jax.vmap(lambda k: jax.random.permutation(k, modalities) < size)(
    jax.random.split(key_masks, scenes)
  )
  count_BM = jax.random.randint(key_counts, gives_BM.shape, 1, views - asked + 1)
  view_V = jnp.arange(views)
  context_BMV = gives_BM[..., None] & (view_V < count_BM[..., None])
  target_BMV = jnp.broadcast_to(view_V >= views - asked, context_BMV.shape)
  return Episodes(context_BMV[None], target_BMV[None])


def elbo_per_number(
  model: GMN,
  params: Any,
  scenes: Mapping[str, Array],
  ranges: Ranges,
  key: Array,
  size: Array,
  *,
  std: float,
  asked: int,
) -> Array:
  """The ELBO of one episode per scene, of `sample_episodes_of`, in nats per number, (B,).

  Args:
    model: the network.
    params: its parameters.
    scenes: raw, as for `cut_scenes`.
    ranges: of the run.
    key: decides the contexts and the noise.
    size: how many modalities give context.
    std: of the likelihood.
    asked: how many views of each modality are asked for.
  """
  key_contexts, key_noise = jax.random.split(key)
  batch, views_per_modality = count_views(model.modalities, scenes)
  count = len(model.modalities)
  episodes = sample_episodes_of(key_contexts, size, batch, count, views_per_modality, asked)
  views = cut_scenes(model.modalities, scenes, ranges)
  terms = elbo_terms(model, params, views, episodes, sample_noise(model, key_noise, batch))
  sizes_M = jnp.array([m.size for m in model.modalities])
  elbo_B = terms.log_likelihood(sizes_M, std).sum(axis=1) - terms.total_kl
  return elbo_B / (asked * sizes_M.sum())


def elbos_by_size(
  run: Run, scenes: Mapping[str, np.ndarray], *, asked: int, draws: int, seed: int
) -> dict[int, np.ndarray]:
  """By how many modalities give context, the bound of every scene in nats per number, (B,).

  Args:
    run: whose model is measured.
    scenes: raw, as for `cut_scenes`.
    asked: how many views of each modality are asked for.
    draws: episodes of each scene for each number of modalities.
    seed: of the episodes and the noise, the same for all runs.
  """
  compute = jax.jit(functools.partial(elbo_per_number, run.model, std=run.config.std, asked=asked))

  def bounds(size: int, draw: int) -> np.ndarray:
    # The same of every size and run, so that these are all that differs.
    key = jax.random.fold_in(jax.random.key(seed), draw)
    blocks = []
    for start in range(0, count_views(run.model.modalities, scenes)[0], _BLOCK):
      block = {field: x[start : start + _BLOCK] for field, x in scenes.items()}
      key_block = jax.random.fold_in(key, start)
      blocks.append(compute(run.params, block, run.ranges, key_block, size))
    return np.concatenate(blocks)

  return {
    size: np.mean([bounds(size, draw) for draw in range(draws)], axis=0)
    for size in range(1, len(run.model.modalities) + 1)
  }
