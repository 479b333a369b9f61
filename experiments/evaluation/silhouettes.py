"""Silhouettes: which pixels show the object, how far two of them agree, and which shape casts them.

Dims: Q cameras, S side of a picture, C cell sets, N shapes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.evaluation import unseen
from gmn_jax.senses import Modality, cut_scenes
from mese_env import poses, shapes

# Of [0, 1]; the background is black. In true pictures of 16 pixels, made from ones of 64, it agrees
# best with where cubes cover half of a pixel; .1 takes in pixels that they just touch.
BRIGHT = 0.25
_BLOCK = 100  # cell sets held at once as pictures


class Gallery(NamedTuple):
  """Every object of so many parts in every orientation, as some cameras see it.

  Attributes:
    silhouettes_CQSS: of each cell set, bool.
    shape_C: which of the N shapes it is.
  """

  silhouettes_CQSS: np.ndarray
  shape_C: np.ndarray


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


def make_gallery(
  modalities: Sequence[Modality],
  num_parts: int,
  cameras: Sequence[poses.Pose],
  image_size: int,
) -> Gallery:
  """Looks at every cell set of so many parts.

  Args:
    modalities: those that are cut from images.
    num_parts: as many as Shepard-Metzler objects may have.
    cameras: where from.
    image_size: pixels per side of the pictures that the modalities are cut from.
  """
  cells_C, shape_C = shapes.every_cell_set(num_parts)
  # The brightest channel of a cube in any of a scene's colours is 1, as white's is.
  white, found = np.ones((num_parts, 3)), []
  for start in range(0, len(cells_C), _BLOCK):
    seen = [
      unseen.look_anew(shapes.centred_positions(cells), white, cameras, image_size)
      for cells in cells_C[start : start + _BLOCK]
    ]
    raw = {field: np.stack([looks[field] for looks in seen]) for field in seen[0]}
    found.append(silhouettes(modalities, cut_scenes(modalities, raw, {}).senses))
  return Gallery(np.concatenate(found), shape_C)


def share_of_naming(seen_QSS: np.ndarray, gallery: Gallery, shape: int) -> float:
  """Whether the shape that silhouettes are nearest to is `shape`: 1 or 0, or between the two where
  shapes are equally near, the probability that one of these drawn at random is it.

  The nearest has the greatest intersection over union, mean over the cameras, in any orientation.
  """
  agreement_C = overlap(seen_QSS, gallery.silhouettes_CQSS).mean(axis=-1)
  nearest = set(gallery.shape_C[agreement_C == agreement_C.max()].tolist())
  return (shape in nearest) / len(nearest)
