"""Silhouettes: which pixels show the object, and how far two of them agree.

Dims: S side of a picture.
"""

from collections.abc import Sequence

import numpy as np

from gmn_jax.senses import Modality

# Of [0, 1]; the background is black. In true pictures of 16 pixels, made from ones of 64, it agrees
# best with where cubes cover half of a pixel; .1 takes in pixels that they just touch.
BRIGHT = 0.25


def silhouettes(modalities: Sequence[Modality], senses: Sequence[np.ndarray]) -> np.ndarray:
  """Where some channel of a picture is above `BRIGHT`, (..., S, S).

  Args:
    modalities: those that are cut from images, at least one.
    senses: of each, (..., H, W, channels), about [0, 1], with the same leading dims.
  """
  lead, side = np.shape(senses[0])[:-3], modalities[0].cut.canvas
  found = np.zeros((*lead, side, side), bool)
  for modality, sense in zip(modalities, senses, strict=True):
    cut = modality.cut
    window = np.asarray(sense).max(axis=-1) > BRIGHT
    found[..., slice(*cut.rows), slice(*cut.columns)] |= window
  return found


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
  """Intersection over union of silhouettes (..., S, S), (...); 1 where both are empty."""
  both, either = (np.sum(x, axis=(-2, -1)) for x in (one & other, one | other))
  return np.where(either, both / np.maximum(either, 1), 1.0)
