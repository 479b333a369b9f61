"""Episodes: which views of a scene are given, and which are asked for.

Dims: S episodes of a scene (2 with its swap), B scenes, M modalities, V views, N = S B episodes
(S-major).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array


class Episodes(NamedTuple):
  """Which views are given and which are asked for.

  Attributes:
    context: bool (S, B, M, V).
    target: bool (S, B, M, V); a view is a target in at most one of the S episodes of its scene, so
      that it is rendered once.
  """

  context: Array
  target: Array


def sample_episodes(
  key: Array,
  scenes: int,
  modalities: int,
  views: int,
  gives_BM: Array | None = None,
  withheld: float = 0.0,
  withheld_views: float = 0.0,
) -> Episodes:
  """Samples one episode per scene, as in training.

  A subset of k ~ U{1..M} modalities, uniform among those of its size, may give context: c ~ U{0..V}
  of its views in random order, the others being targets. The other modalities have only targets, or
  no views at all where they are withheld. Where views are withheld, a modality has n ~ U{1..V} of
  them, the rest being neither, and c ~ U{0..n}. A scene without any target is drawn again.

  Args:
    key: decides the episodes.
    scenes: B.
    modalities: M.
    views: V.
    gives_BM: bool, which modalities may give context, instead of a random subset; at least one.
    withheld: part of the scenes, in [0, 1], whose modalities that do not give context are not
      targets either.
    withheld_views: part of the scenes, in [0, 1], whose modalities have a random number of views.

  Returns:
    Episodes with S = 1.
  """

  def sample_scene(key: Array, gives_M: Array | None) -> tuple[Array, Array]:
    key_size, key_subset, key_count, key_order, key_withheld, key_few, key_there = jax.random.split(
      key, 7
    )
    size = jax.random.randint(key_size, (), 1, modalities + 1)
    if gives_M is None:
      gives_M = jax.random.permutation(key_subset, modalities) < size
    few = jax.random.bernoulli(key_few, withheld_views)
    there_M = jnp.where(few, jax.random.randint(key_there, (modalities,), 1, views + 1), views)
    count_M = jax.random.randint(key_count, (modalities,), 0, there_M + 1)
    rank_MV = jax.vmap(lambda k: jax.random.permutation(k, views))(
      jax.random.split(key_order, modalities)
    )
    context_MV = gives_M[:, None] & (rank_MV < count_M[:, None])
    asked_M = gives_M | ~jax.random.bernoulli(key_withheld, withheld)
    there_MV = rank_MV < there_M[:, None]
    return context_MV, asked_M[:, None] & there_MV & ~context_MV

  def sample_with_target(key: Array, gives_M: Array | None) -> tuple[Array, Array]:
    def again(state):
      key, _ = state
      key, key_now = jax.random.split(key)
      return key, sample_scene(key_now, gives_M)

    def without_target(state):
      _, (_, target_MV) = state
      return ~target_MV.any()

    nothing_MV = jnp.zeros((modalities, views), bool)
    return jax.lax.while_loop(without_target, again, (key, (nothing_MV, nothing_MV)))[1]

  context_BMV, target_BMV = jax.vmap(sample_with_target)(jax.random.split(key, scenes), gives_BM)
  return Episodes(context_BMV[None], target_BMV[None])


def add_opposite(episodes: Episodes) -> Episodes:
  """Adds each episode with context and target exchanged: S becomes 2 S."""
  return Episodes(
    jnp.concatenate([episodes.context, episodes.target]),
    jnp.concatenate([episodes.target, episodes.context]),
  )


def seen(mask_SBMV: Array) -> Array:
  """Whether an episode has a view of a modality, (M, N)."""
  seen_SBM = mask_SBMV.any(axis=-1)
  return seen_SBM.reshape(-1, seen_SBM.shape[-1]).T
