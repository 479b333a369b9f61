"""Senses: what a scene is sensed by, and how each sense is scaled, cut, encoded and rendered.

May use `layers`, and of the simulator the names of the hand's sensors (`sets.py`; `haptic.py` where
it draws) and its camera (`rays.py`); knows nothing of experts or training.
"""

from gmn_jax.senses.haptic import HAPTIC
from gmn_jax.senses.image import IMAGE, ImageCut
from gmn_jax.senses.modality import Modality, latent_grid
from gmn_jax.senses.query import embed_query
from gmn_jax.senses.sense import Range, Ranges, Sense, fields_of, senses_of
from gmn_jax.senses.vector import VectorCut
from gmn_jax.senses.views import Views, count_views, cut_scenes, views_there

__all__ = [
  'HAPTIC',
  'IMAGE',
  'ImageCut',
  'Modality',
  'Range',
  'Ranges',
  'Sense',
  'VectorCut',
  'Views',
  'count_views',
  'cut_scenes',
  'embed_query',
  'fields_of',
  'latent_grid',
  'senses_of',
  'views_there',
]
