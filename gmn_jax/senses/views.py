"""Views: raw scenes, scaled and cut into modalities.

Dims: B scenes, M modalities, V views, H W C image, D haptic length.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.senses.modality import Modality
from gmn_jax.senses.query import QUERY_SIZE, embed_query
from gmn_jax.senses.sense import Ranges, Sense, senses_of
from mese_env.errors import UserError

Array = jax.Array


class Views(NamedTuple):
  """All views of B scenes, a tuple entry per modality.

  Attributes:
    senses: (B, V, *modality.shape), scaled as their sense says.
    queries: (B, V, 7), embedded.
  """

  senses: tuple[Array, ...]
  queries: tuple[Array, ...]


def cut_scenes(modalities: Sequence[Modality], scenes: Mapping[str, Any], ranges: Ranges) -> Views:
  """Cuts raw scenes into the views of each modality.

  Args:
    modalities: the M modalities.
    scenes: of every sense its views and their poses (B, V, 5); for the two that come along `images`
      uint8 (B, V, H, W, 3), `cameras`, `haptics` (B, V, D) and `hands`.
      Where `<images>_there` (B, V) says that a view is not there, it and its pose count as zeros,
      whatever they hold; a sense of which no scene has any may have this array alone.
    ranges: the dataset's, of the senses that are scaled by one.

  Raises:
    UserError: a sense needs a range, and there is none; a view is smaller than what is cut from it.
  """
  cut, queries = {}, {}
  for sense in senses_of(modalities):
    own = [m for m in modalities if m.sense == sense]
    there = scenes.get(sense.there_field)
    if there is not None and sense.field not in scenes:
      cut |= {m: jnp.zeros((*there.shape, *m.shape)) for m in own}
      queries[sense] = jnp.zeros((*there.shape, QUERY_SIZE))
      continue
    # Of NumPy arrays, NumPy would compute otherwise, in float64 say.
    raw, pose = (jnp.asarray(scenes[field]) for field in (sense.field, sense.pose_field))
    chex.assert_equal_shape_prefix([raw, pose], 2)
    scaled, queries[sense] = sense.scaled(raw, ranges), embed_query(pose)
    if there is not None:
      scaled, queries[sense] = _blank(scaled, there), _blank(queries[sense], there)
    cut |= {m: m.cut(scaled) for m in own}
  return Views(tuple(cut[m] for m in modalities), tuple(queries[m.sense] for m in modalities))


def views_there(modalities: Sequence[Modality], scenes: Mapping[str, Any]) -> Array | None:
  """Which views there are, bool (B, M, V); None where no sense lacks any."""
  there = {sense: scenes.get(sense.there_field) for sense in senses_of(modalities)}
  if all(of_sense is None for of_sense in there.values()):
    return None
  everything = jnp.ones(count_views(modalities, scenes), bool)
  masks = {sense: everything if mask is None else mask for sense, mask in there.items()}
  return jnp.stack([jnp.asarray(masks[m.sense]) for m in modalities], axis=1)


def poses_there(sense: Sense, scenes: Mapping[str, np.ndarray]) -> np.ndarray:
  """The poses (n, 5) of all views of a sense that there are, on the host."""
  poses_BV5 = np.asarray(scenes[sense.pose_field])
  there_BV = scenes.get(sense.there_field)
  return poses_BV5.reshape(-1, 5) if there_BV is None else poses_BV5[np.asarray(there_BV)]


def count_views(modalities: Sequence[Modality], scenes: Mapping[str, Any]) -> tuple[int, int]:
  """B and V of raw scenes, the same for all senses.

  Raises:
    UserError: they are not.
  """
  counts = {s.views: _filled_shape(s, scenes) for s in senses_of(modalities)}
  if len(set(counts.values())) > 1:
    raise UserError(
      'the senses must have equally many scenes and views, but there are '
      + ', '.join(f'{scenes} x {views} {name}' for name, (scenes, views) in counts.items())
      + '; give each sense as many.'
    )
  return next(iter(counts.values()))


def _filled_shape(sense: Sense, scenes: Mapping[str, Any]) -> tuple[int, int]:
  """B and V, views that are not there included."""
  field = sense.pose_field if sense.pose_field in scenes else sense.there_field
  return scenes[field].shape[:2]


def _blank(x: Any, there_BV: Any) -> Array:
  """Zeros in the place of views that are not there."""
  return jnp.where(there_BV.reshape(*there_BV.shape, *(1,) * (x.ndim - 2)), x, 0)
