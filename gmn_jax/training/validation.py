"""Measures a model in training on other scenes, always with the same episodes and noise.

Dims: B scenes, N episodes, M modalities, V views, T draw steps.
"""

import functools
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.config import Config
from gmn_jax.model import GMN, ElboTerms, elbo_terms, sample_episodes, sample_noise
from gmn_jax.model.missing import Missing, fresh_masks
from gmn_jax.senses import Ranges, count_views, cut_scenes, views_there
from gmn_jax.training import samples
from gmn_jax.training.distributed import leads
from gmn_jax.training.input import batches_in_order
from gmn_jax.training.sharding import Layout
from gmn_jax.training.train_step import Scenes, summary
from tfds_mese.dataset import Source

Array = jax.Array
SEEN = 'val_seen'  # what is measured of scenes that are trained on
# Which modalities may give context, bool (B, M), from what scenes lack, a key, the scenes' indices
# and M.
Masks = Callable[[Missing | None, Array, Array, int], Array]


def all_modalities(missing: Missing | None, key: Array, index_B: Array, modalities: int) -> Array:
  """Every modality of every scene may give context."""
  del missing, key
  return jnp.ones((len(index_B), modalities), bool)


def modalities_there(missing: Missing | None, key: Array, index_B: Array, modalities: int) -> Array:
  """The modalities that a scene has may give context."""
  del key
  assert missing is not None
  return missing.masks(index_B, modalities)


def validation_step(
  params: Any,
  scenes: Scenes,
  ranges: Ranges,
  missing: Missing | None,
  key: Array,
  *,
  model: GMN,
  masks: Masks,
) -> tuple[ElboTerms, Array]:
  """The ELBO's terms of one episode per scene, and how many modalities may give context, (B,): of
  those that the scene has.
  """
  key_masks, key_episodes, key_noise = jax.random.split(key, 3)
  batch, views_per_modality = count_views(model.modalities, scenes)
  gives_BM = masks(missing, key_masks, scenes['index'], len(model.modalities))
  withheld = 0.0 if missing is None else jnp.float32(missing.strict)
  shape = batch, len(model.modalities), views_per_modality
  there_BMV = views_there(model.modalities, scenes)
  episodes = sample_episodes(key_episodes, *shape, gives_BM, withheld, there_BMV=there_BMV)
  views = cut_scenes(model.modalities, scenes, ranges)
  terms = elbo_terms(model, params, views, episodes, sample_noise(model, key_noise, batch))
  if there_BMV is not None:
    has_BM = there_BMV.any(axis=2)
    gives_BM = jnp.where((gives_BM & has_BM).any(axis=1, keepdims=True), gives_BM & has_BM, has_BM)
  return terms, gives_BM.sum(axis=1)


class Validation:
  """Measures and draws from scenes that are not trained on, and measures some that are.

  Args:
    model: the network.
    source: the validation split; of this and the next the first scenes are taken.
    seen: the training split.
    ranges: of the training split.
    missing: which modalities the training scenes lack; None: none.
    layout: of the run over devices.
    config: of the run: `validate_scenes`, or all if there are fewer, are measured, `batch_size` at
      once, under a likelihood of `std`.
  """

  def __init__(
    self,
    model: GMN,
    source: Source,
    seen: Source,
    ranges: Ranges,
    missing: Missing | None,
    layout: Layout,
    config: Config,
  ):
    self._model, self._source, self._seen, self._ranges = model, source, seen, ranges
    self._missing, self._sharding, self._config = missing, layout.scenes, config
    # Not the run's key: runs with other seeds are measured on the same episodes.
    self._key_measure, self._key_samples = jax.random.split(jax.random.key(0))
    masks: dict[str, Masks] = {'val': all_modalities}
    if missing is not None:
      masks['val_missing'] = modalities_there
      masks['val_full'] = lambda _, key, index_B, count: fresh_masks(key, len(index_B), count)
    self._steps = {
      name: jax.jit(
        functools.partial(validation_step, model=layout.parallel(model), masks=which),
        out_shardings=layout.whole,
      )
      for name, which in masks.items()
    }
    self._samples = jax.jit(
      functools.partial(samples.sample_views, model=model), out_shardings=layout.whole
    )

  def measure(self, params: Any) -> dict[str, dict[str, Any]]:
    """What is measured, by the modalities that may give context.

    Returns:
      'val', all of them; 'val_seen', the same of training scenes, so that what differs is whether
      the model was trained on them; with an experiment of missing modalities also 'val_missing',
      those that the scenes have, and 'val_full', a fresh mask per scene, of uniform size. Each
      holds `summary`, `elbo_error`, the standard error of `elbo` over scenes in nats, and for
      'val_full' also `elbo_of_size/<modalities>`.
    """
    measured = {name: self._measure(params, name, self._source) for name in self._steps}
    seen = {SEEN: self._measure(params, 'val', self._seen)}
    return {'val': measured.pop('val'), **seen, **measured}

  def _measure(self, params: Any, name: str, source: Source) -> dict[str, Any]:
    parts, sizes = [], []
    for number, (batch, real) in enumerate(self._batches(source)):
      key = jax.random.fold_in(self._key_measure, number)
      part, size_B = jax.device_get(
        self._steps[name](params, batch, self._ranges, self._missing, key)
      )
      parts.append(jax.tree.map(lambda x, real=real: x[:real], part))
      sizes.append(size_B[:real])
    whole = jax.tree.map(lambda *blocks: np.concatenate(blocks), *parts)
    numbers_M = np.array([m.size for m in self._model.modalities])
    elbo_N = whole.log_likelihood(numbers_M, self._config.std).sum(axis=1) - whole.total_kl
    measured = summary(self._model.modalities, whole, self._config.std)
    measured['elbo_error'] = elbo_N.std() / math.sqrt(max(1, len(elbo_N) - 1))
    if name == 'val_full':
      size_N = np.concatenate(sizes)
      for size in np.unique(size_N):
        measured[f'elbo_of_size/{size}'] = elbo_N[size_N == size].mean()
    return measured

  def save_samples(self, params: Any, path: str | pathlib.Path) -> None:
    """Saves a picture of what the model makes of the first scenes; called by every process."""
    batch, _ = next(self._batches(self._source))
    drawn = self._samples(params, batch, self._ranges, self._key_samples)
    if leads():
      samples.save_picture(path, self._model, drawn)

  def _batches(self, source: Source) -> Iterator[tuple[Scenes, int]]:
    config = self._config
    return batches_in_order(source, config.validate_scenes, config.batch_size, self._sharding)
