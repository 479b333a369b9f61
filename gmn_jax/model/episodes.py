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
  there_BMV: Array | None = None,
) -> Episodes:
  """Samples one episode per scene, as in training.

  A subset of k ~ U{1..M} modalities, uniform among those of its size, may give context: c ~ U{0..V}
  of its views in random order, the others being targets. The other modalities have only targets, or
  no views at all where they are withheld. Where views are withheld, a modality has n ~ U{1..V} of
  them, the rest being neither, and c ~ U{0..n}. A scene without any target is drawn again.

  Where scenes lack views, M and V are what the scene has: a view that is not there is neither
  context nor target, and what is drawn does not depend on how far scenes were filled up.

  Args:
    key: decides the episodes.
    scenes: B.
    modalities: M.
    views: V.
    gives_BM: bool, which modalities may give context, instead of a random subset; at least one. All
      those of a scene that has none of them.
    withheld: part of the scenes, in [0, 1], whose modalities that do not give context are not
      targets either.
    withheld_views: part of the scenes, in [0, 1], whose modalities have a random number of views.
    there_BMV: bool, which views scenes have, at least one each; None: all.

  Returns:
    Episodes with S = 1.
  """

  def sample_scene(
    key: Array, gives_M: Array | None, there_MV: Array | None
  ) -> tuple[Array, Array]:
    key_size, key_subset, key_count, key_order, key_withheld, key_few, key_there = jax.random.split(
      key, 7
    )
    has_M, sensed, views_M = None, modalities, views
    if there_MV is not None:
      has_M = there_MV.any(axis=1)
      sensed, views_M = has_M.sum(), there_MV.sum(axis=1)
    size = jax.random.randint(key_size, (), 1, sensed + 1)
    if gives_M is None:
      gives_M = _shuffled(key_subset, modalities, has_M) < size
    elif has_M is not None:
      gives_M = jnp.where((gives_M & has_M).any(), gives_M, has_M)
    few = jax.random.bernoulli(key_few, withheld_views)
    kept_M = jnp.where(few, jax.random.randint(key_there, (modalities,), 1, views_M + 1), views_M)
    count_M = jax.random.randint(key_count, (modalities,), 0, kept_M + 1)
    rank_MV = jax.vmap(lambda k, there_V: _shuffled(k, views, there_V))(
      jax.random.split(key_order, modalities), there_MV
    )
    context_MV = gives_M[:, None] & (rank_MV < count_M[:, None])
    asked_M = gives_M | ~jax.random.bernoulli(key_withheld, withheld)
    target_MV = asked_M[:, None] & (rank_MV < kept_M[:, None]) & ~context_MV
    if there_MV is None:
      return context_MV, target_MV
    return context_MV & there_MV, target_MV & there_MV

  def sample_with_target(
    key: Array, gives_M: Array | None, there_MV: Array | None
  ) -> tuple[Array, Array]:
    def again(state):
      key, _ = state
      key, key_now = jax.random.split(key)
      return key, sample_scene(key_now, gives_M, there_MV)

    def without_target(state):
      _, (_, target_MV) = state
      # A scene without any view, which only a broken source gives, has no target to wait for.
      lacks = ~target_MV.any()
      return lacks if there_MV is None else lacks & there_MV.any()

    nothing_MV = jnp.zeros((modalities, views), bool)
    return jax.lax.while_loop(without_target, again, (key, (nothing_MV, nothing_MV)))[1]

  keys_B = jax.random.split(key, scenes)
  context_BMV, target_BMV = jax.vmap(sample_with_target)(keys_B, gives_BM, there_BMV)
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


def _shuffled(key: Array, count: int, there_X: Array | None) -> Array:
  """The places 0 .. count - 1 in random order; those that are not there get the last ones, and how
  many they are changes nothing for the others.
  """
  if there_X is None:
    return jax.random.permutation(key, count)
  drawn_X = jax.vmap(lambda x: jax.random.uniform(jax.random.fold_in(key, x)))(jnp.arange(count))
  return jnp.argsort(jnp.argsort(jnp.where(there_X, drawn_X, 1.0)))
