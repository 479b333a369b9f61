"""Measures a model in training on scenes that it is not trained on, always with the same episodes
and noise.

Dims: B scenes, N episodes, M modalities, V views, T draw steps.
"""

import functools
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax import samples
from gmn_jax.batch import HapticRange, cut_scenes, draw_episodes
from gmn_jax.input import batches_in_order
from gmn_jax.model import GMN
from gmn_jax.objective import Evidence, evidence
from gmn_jax.train_step import Scenes, draw_noise, summary
from tfds_mese.reading import Source

Array = jax.Array


def validation_step(
  params: Any, scenes: Scenes, haptic_range: HapticRange, key: Array, *, model: GMN
) -> Evidence:
  """The evidence of one episode per scene, in which every modality may give context."""
  key_episodes, key_noise = jax.random.split(key)
  batch, views_per_modality = scenes['cameras'].shape[:2]
  gives_BM = jnp.ones((batch, len(model.modalities)), bool)
  episodes = draw_episodes(key_episodes, *gives_BM.shape, views_per_modality, gives_BM)
  views = cut_scenes(model.modalities, scenes, haptic_range)
  return evidence(model, params, views, episodes, *draw_noise(model, key_noise, batch))


class Validation:
  """Measures and draws from the first scenes of a split.

  Args:
    model: the network.
    source: the split.
    scenes: how many of its scenes; all of them if there are fewer.
    batch_size: scenes taken at once.
    haptic_range: of the training split.
    std: of the likelihood.
    sharding: of a batch over devices.
  """

  def __init__(
    self,
    model: GMN,
    source: Source,
    scenes: int,
    batch_size: int,
    haptic_range: HapticRange,
    std: float,
    sharding: jax.sharding.Sharding,
  ):
    self._model, self._haptic_range, self._std = model, haptic_range, std
    self._source, self._scenes = source, scenes
    self._batch_size, self._sharding = batch_size, sharding
    # Not the run's key: runs with other seeds are measured on the same episodes.
    self._key_measure, self._key_draw = jax.random.split(jax.random.key(0))
    self._step = jax.jit(functools.partial(validation_step, model=model))
    self._samples = jax.jit(functools.partial(samples.draw_samples, model=model))

  def measure(self, params: Any) -> dict[str, Array]:
    """`summary` over the scenes, and `elbo_error`, the standard error of `elbo` over them, nats."""
    parts = []
    for number, (batch, real) in enumerate(self._batches()):
      key = jax.random.fold_in(self._key_measure, number)
      parts.append((jax.device_get(self._step(params, batch, self._haptic_range, key)), real))
    whole = Evidence(
      np.concatenate([part.squared_error[:real] for part, real in parts]),
      np.concatenate([part.kl[:, :real] for part, real in parts], axis=1),
      np.concatenate([part.targets[:real] for part, real in parts]),
      np.concatenate([part.representation_kl[:real] for part, real in parts]),
    )
    sizes_M = np.array([m.size for m in self._model.modalities])
    elbo_N = whole.log_likelihood(sizes_M, self._std).sum(axis=1) - whole.total_kl
    error = elbo_N.std() / math.sqrt(max(1, len(elbo_N) - 1))
    return summary(self._model.modalities, whole, self._std) | {'elbo_error': error}

  def draw(self, params: Any, path: pathlib.Path) -> None:
    """Saves a picture of what the model makes of the first scenes."""
    batch, _ = next(self._batches())
    samples.save_picture(
      path, self._model, self._samples(params, batch, self._haptic_range, self._key_draw)
    )

  def _batches(self) -> Iterator[tuple[Scenes, int]]:
    return batches_in_order(self._source, self._scenes, self._batch_size, self._sharding)
