"""Predictions of what a model is asked, from a context, and how far they are from the truth.

Dims: K samples, B scenes, M modalities, V views given, Q queries.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.evaluation.contexts import context_mask
from gmn_jax import inference
from gmn_jax.model import GMN
from gmn_jax.senses import Modality, Views
from gmn_jax.training.checkpoint import Run

Array = jax.Array
BLOCK = 10  # scenes imagined at once


class Imagined(NamedTuple):
  """What a model imagines, a tuple entry per modality.

  Attributes:
    mean: over the samples, (B, Q, *modality.shape): the prediction that is measured.
    drawn: the samples themselves of the first scenes, (K, <= B, Q, *modality.shape).
  """

  mean: tuple[np.ndarray, ...]
  drawn: tuple[np.ndarray, ...]


class Imagination:
  """A trained model that is asked the same queries from many contexts.

  Every context meets the same noise, so that two predictions differ by their contexts alone.

  Args:
    run: the model.
    queries: per modality, embedded, (B, Q, 7); Q may be 0.
    samples: K.
    seed: of the noise.
    drawn: of how many scenes every sample is kept.
  """

  def __init__(self, run: Run, queries: tuple[Array, ...], samples: int, seed: int, drawn: int):
    self._params, self._queries, self._drawn = run.params, queries, drawn
    self._keys = jax.random.split(jax.random.key(seed), samples)
    self._imagine = jax.jit(functools.partial(_imagine, run.model))

  def __call__(self, given: Views, counts_M: Sequence[int]) -> Imagined:
    """Imagines from the first `counts_M` views of each modality of the B scenes."""
    means, drawn = [], []
    for number in range(math.ceil(len(given.queries[0]) / BLOCK)):
      samples = self.block(given, counts_M, number)
      means.append([sample.mean(axis=0) for sample in samples])
      left = max(0, self._drawn - number * BLOCK)
      drawn.append([sample[:, :left] for sample in samples])
    return Imagined(
      tuple(np.concatenate(parts) for parts in zip(*means, strict=True)),
      tuple(np.concatenate(parts, axis=1) for parts in zip(*drawn, strict=True)),
    )

  def block(self, given: Views, counts_M: Sequence[int], number: int) -> tuple[np.ndarray, ...]:
    """The samples of the scenes from `number` times `BLOCK` on, at most `BLOCK` of them.

    Returns:
      Per modality (K, <= BLOCK, Q, *modality.shape).
    """
    start, (scenes, views) = number * BLOCK, given.queries[0].shape[:2]
    at = slice(start, start + BLOCK)
    block, queries = jax.tree.map(lambda x: x[at], (given, self._queries))
    # Scenes of a block differ in their noise, blocks in their keys.
    keys = jax.vmap(lambda key: jax.random.fold_in(key, start))(self._keys)
    context_BMV = context_mask(counts_M, scenes, views)[at]
    return jax.device_get(self._imagine(self._params, block, context_BMV, queries, keys))


def squared_errors(
  modalities: Sequence[Modality], predicted: Sequence[np.ndarray], truth: Sequence[Array]
) -> dict[str, np.ndarray]:
  """Per name of a sense asked for, each scene's mean squared error, (B,).

  Args:
    modalities: the M modalities.
    predicted: of each, (B, Q, *modality.shape), or what broadcasts to it; Q is 0 where it is not
      asked for.
    truth: of each, (B, Q, *modality.shape); images in [0, 1], haptics scaled.
  """
  total: dict[str, np.ndarray] = {}
  numbers: dict[str, int] = {}
  for m, guess, sense in zip(modalities, predicted, truth, strict=True):
    if sense.shape[1]:
      squared = np.square(np.asarray(guess) - np.asarray(sense), dtype=np.float64)
      name, axes = m.sense.name, tuple(range(1, squared.ndim))
      total[name] = total.get(name, 0) + squared.sum(axis=axes)
      numbers[name] = numbers.get(name, 0) + squared[0].size
  return {name: total[name] / numbers[name] for name in total}


def _imagine(
  model: GMN, params: Any, views: Views, context_BMV: Array, queries: tuple[Array, ...], keys: Array
) -> tuple[Array, ...]:
  """Per modality K samples, (K, B, Q, *modality.shape)."""
  return jax.vmap(
    lambda key: inference.generate(model, params, views, context_BMV, queries, key)[1]
  )(keys)


def only(target: Sequence[int], views: Views) -> Views:
  """The views of the modalities in `target`; of the others none."""
  return jax.tree.map(
    jnp.asarray,
    Views(*(tuple(x if m in target else x[:, :0] for m, x in enumerate(part)) for part in views)),
  )


def another_scenes(views: Views) -> Views:
  """For every scene the views of the one before it."""
  return jax.tree.map(lambda x: jnp.roll(x, 1, axis=0), views)
