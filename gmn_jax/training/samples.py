"""Sample pictures of a model in training: what it was given, the truth, its reconstruction, and
views generated from the prior.

Dims: B scenes, V views, R rows (truth, reconstruction, generation), H W C image.
"""

import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from gmn_jax import inference
from gmn_jax.model import GMN, Episodes, apply, sample_noise
from gmn_jax.senses import Ranges, Views, cut_scenes, views_there

Array = jax.Array
# How many views of each modality are given, the first ones, and how many asked for, the next ones;
# of scenes with few views all but one are given.
GIVEN, ASKED = 3, 5
_SCENES = 4
_GAP = 2  # pixels


class Samples(NamedTuple):
  """Per modality the first GIVEN + ASKED views of a few scenes, (B, V, *modality.shape).

  Views that a scene lacks are white.

  Attributes:
    truth: as sensed.
    reconstruction: rendered from z of the posterior, which saw all of them.
    generation: rendered from z of the prior, which saw those given.
  """

  truth: tuple[Array, ...]
  reconstruction: tuple[Array, ...]
  generation: tuple[Array, ...]


def sample_views(
  params: Any, scenes: dict[str, Array], ranges: Ranges, key: Array, *, model: GMN
) -> Samples:
  """Reconstructs and generates views of the first few of the scenes, raw as for `cut_scenes`."""
  scenes = {name: value[:_SCENES] for name, value in scenes.items()}
  views: Views = jax.tree.map(
    lambda x: x[:, : GIVEN + ASKED], cut_scenes(model.modalities, scenes, ranges)
  )
  batch, count = views.queries[0].shape[:2]
  whole_BMV = jnp.ones((batch, len(model.modalities), count), bool)
  there_BMV = views_there(model.modalities, scenes)
  there_BMV = whole_BMV if there_BMV is None else there_BMV[..., :count]
  context = (there_BMV & (jnp.arange(count) < _given(count)))[None]
  episodes = Episodes(context, there_BMV & ~context)
  key_posterior, key_prior = jax.random.split(key)
  noise = sample_noise(model, key_posterior, batch)
  encoded = apply(model, params, views, method='encode')
  posterior = apply(model, params, encoded, episodes, noise, method='sample_posterior')
  noise = sample_noise(model, key_prior, batch)
  prior = apply(model, params, encoded, context, noise, method='sample_prior')
  reconstruction, generation = (
    inference.render(model, params, draw.z, views.queries) for draw in (posterior, prior)
  )
  return Samples(
    *(
      tuple(
        jnp.where(there_BMV[:, m].reshape(batch, count, *(1,) * (x.ndim - 2)), x, 1.0)
        for m, x in enumerate(part)
      )
      for part in (views.senses, reconstruction, generation)
    )
  )


def _given(count: int) -> int:
  """How many of so many views are given."""
  return min(GIVEN, count - 1)


def save_picture(path: str | pathlib.Path, model: GMN, drawn: Samples) -> None:
  """Writes samples as a PNG: modalities that are pictures left to right, scenes top to bottom.

  Each scene has three rows, truth, reconstruction and generation; the columns are its views, those
  given first. Nothing is written where no modality is a picture.
  """
  panels = [
    _tile(np.stack([np.asarray(part[i]) for part in drawn], axis=1))
    for i, modality in enumerate(model.modalities)
    if modality.sense.drawn_as_pixels
  ]
  if not panels:
    return
  wall = np.concatenate(panels, axis=1)
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray((np.clip(wall, 0, 1) * 255).astype(np.uint8)).save(path)


def _tile(cells_BRVHWC: np.ndarray) -> np.ndarray:
  """Tiles views to one RGB image, white gaps before the views asked for and between scenes."""
  cells = np.broadcast_to(cells_BRVHWC, (*cells_BRVHWC.shape[:-1], 3))
  cells = _pad(_pad(cells, 3, 0.25), 4, 0.25)
  given = _given(cells.shape[2])
  parts = [
    _pad(np.concatenate(np.moveaxis(part, 2, 0), axis=-2), 3, 1.0)
    for part in np.split(cells, [given] * (given > 0), axis=2)
  ]
  rows = np.concatenate(parts, axis=3)[..., :-_GAP, :]
  scenes = np.concatenate(np.moveaxis(rows, 1, 0), axis=1)
  return _pad(np.concatenate(_pad(scenes, 1, 1.0), axis=0), 1, 1.0)


def _pad(pixels: np.ndarray, axis: int, value: float) -> np.ndarray:
  widths = [(0, _GAP if i == axis else 0) for i in range(pixels.ndim)]
  return np.pad(pixels, widths, constant_values=value)
