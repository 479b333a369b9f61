"""Predictors without a model: the mean training view, and the training view of nearest pose.

Dims: B scenes, V views, P all views of a block of training scenes.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.senses import Views, cut_scenes, views_there
from gmn_jax.training.checkpoint import Run
from gmn_jax.training.input import Selected, batches_in_order
from tfds_mese.dataset import Source

_BLOCK = 100  # training scenes held at once


class Baselines(NamedTuple):
  """Predictions of views, a tuple entry per modality.

  Attributes:
    mean: of all training views, modality.shape; zeros where there are none.
    nearest: of every query the training view sensed nearest to it, (B, V, *modality.shape).
  """

  mean: tuple[jax.Array, ...]
  nearest: tuple[jax.Array, ...]


def predict(
  run: Run, train: Source, queries: tuple[jax.Array, ...], scenes: int | None = None
) -> Baselines:
  """Predicts the views at queries from the training scenes alone.

  Cameras and wrists keep their distance from the origin, and their positions decide where they
  look and reach: the nearest is that with the largest inner product.

  Args:
    run: whose modalities and ranges are taken.
    train: the training scenes.
    queries: per modality, embedded, (B, V, 7).
    scenes: how many training scenes are searched, the first ones; all if not given.
  """
  selected = Selected(train, run.model.modalities)
  searched = len(train) if scenes is None else min(scenes, len(train))
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  cut = jax.jit(functools.partial(cut_scenes, run.model.modalities))
  sums = [np.zeros(m.shape) for m in run.model.modalities]
  counts = [0] * len(sums)
  best = [np.full(query.shape[:2], -np.inf) for query in queries]
  nearest = [np.zeros((*query.shape[:2], *m.shape), np.float32)
             for query, m in zip(queries, run.model.modalities, strict=True)]  # fmt: skip
  for scenes_B, real in batches_in_order(selected, searched, min(_BLOCK, searched), here):
    views: Views = jax.tree.map(
      lambda x, real=real: np.asarray(x[:real]), cut(scenes_B, run.ranges)
    )
    there_BMV = views_there(run.model.modalities, scenes_B)
    for m, (sense_BV, at_BV) in enumerate(zip(*views, strict=True)):
      sense_P, at_P = (x.reshape(-1, *x.shape[2:]) for x in (sense_BV, at_BV))
      if there_BMV is not None:
        there_P = np.asarray(there_BMV[:real, m]).ravel()
        sense_P, at_P = sense_P[there_P], at_P[there_P]
      sums[m] += sense_P.sum(axis=0, dtype=np.float64)
      counts[m] += len(sense_P)
      if not queries[m].size or not len(sense_P):
        continue
      closeness = np.asarray(queries[m])[..., :3] @ at_P[:, :3].T
      chosen = closeness.argmax(axis=-1)
      nearer = closeness.max(axis=-1) > best[m]
      best[m][nearer] = closeness.max(axis=-1)[nearer]
      nearest[m][nearer] = sense_P[chosen[nearer]]
  return Baselines(
    tuple(jnp.float32(total / max(1, count)) for total, count in zip(sums, counts, strict=True)),
    tuple(map(jnp.asarray, nearest)),
  )
