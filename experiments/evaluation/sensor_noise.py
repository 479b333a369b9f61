"""The noise around what a model predicts, measured on scenes: see `inference.calibration.noise`.

Dims: B scenes, M modalities, V views, K samples, C channels.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.evaluation.contexts import context_mask
from experiments.evaluation.scenes import stack_scenes
from gmn_jax import inference
from gmn_jax.inference import calibration
from gmn_jax.model import GMN
from gmn_jax.senses import Views, cut_scenes
from gmn_jax.training.checkpoint import Run

Array = jax.Array
GIVEN = 2  # views of each modality, of the others the noise is measured


def likelihood_noise(run: Run) -> tuple[Array, ...]:
  """The noise that the model was trained with, alike for all channels, (1,) per modality."""
  return (jnp.full(1, run.config.std),) * len(run.model.modalities)


def measured_noise(
  run: Run, scenes: Sequence[Mapping[str, np.ndarray]], samples: int, seed: int
) -> tuple[Array, ...]:
  """The noise of the views of some scenes but the first `GIVEN`, given these, (C,) per modality.

  Args:
    run: the model.
    scenes: raw, of two views or more.
    samples: K.
    seed: of the samples.
  """
  modalities = run.model.modalities
  views = cut_scenes(modalities, stack_scenes(scenes, modalities), run.ranges)
  return _noise(run.model, samples, run.params, views, jax.random.key(seed))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _noise(model: GMN, samples: int, params: Any, views: Views, key: Array) -> tuple[Array, ...]:
  batch, count = views.queries[0].shape[:2]
  given = min(GIVEN, count - 1)
  mask_BMV = context_mask((given,) * len(model.modalities), batch, count)
  seen = inference.summarise(model, params, views, mask_BMV[None])
  rest = jax.tree.map(lambda x: x[:, given:], views)

  def predict(key: Array) -> tuple[Array, ...]:
    noise = inference.noise_from(model, key, batch)
    z = inference.sample_prior_given(model, params, seen, noise).z
    return inference.render(model, params, z, rest.queries)

  return calibration.noise(predict, rest.senses, key, samples)
