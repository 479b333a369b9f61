"""Views: raw scenes, scaled and cut into modalities.

Dims: B scenes, V views, H W C image, D haptic length.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from gmn_jax.senses.modality import Modality
from gmn_jax.senses.query import embed_query
from gmn_jax.senses.sense import Ranges, senses_of
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
    ranges: the dataset's, of the senses that are scaled by one.

  Raises:
    UserError: a sense needs a range, and there is none; a view is smaller than what is cut from it.
  """
  scaled, queries = {}, {}
  for sense in senses_of(modalities):
    # Of NumPy arrays, NumPy would compute otherwise, in float64 say.
    raw, pose = (jnp.asarray(scenes[field]) for field in (sense.field, sense.pose_field))
    chex.assert_equal_shape_prefix([raw, pose], 2)
    scaled[sense], queries[sense] = sense.scaled(raw, ranges), embed_query(pose)
  return Views(
    tuple(m.cut(scaled[m.sense]) for m in modalities), tuple(queries[m.sense] for m in modalities)
  )


def count_views(modalities: Sequence[Modality], scenes: Mapping[str, Any]) -> tuple[int, int]:
  """B and V of raw scenes, the same for all senses.

  Raises:
    UserError: they are not.
  """
  counts = {s.views: scenes[s.pose_field].shape[:2] for s in senses_of(modalities)}
  if len(set(counts.values())) > 1:
    raise UserError(
      'the senses must have equally many scenes and views, but there are '
      + ', '.join(f'{scenes} x {views} {name}' for name, (scenes, views) in counts.items())
      + '; give each sense as many.'
    )
  return next(iter(counts.values()))
