"""A start from which a small model learns within minutes, with few and large steps."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.model import GMN
from gmn_jax.senses import Views

_QUIET_LOGVAR = -4.0


def mean_biases(
  model: GMN, views: Views, there_BMV: jax.Array | None = None
) -> dict[str, np.ndarray]:
  """Per modality the last bias with which a renderer of zeros gives the mean of some views.

  One mean for each number of the last axis; the renderers add their last bias at every step.

  Args:
    model: the network.
    views: of some scenes.
    there_BMV: which of them count; None: all. Of a modality without any, the bias is zero.
  """
  biases = {}
  for i, (m, sense) in enumerate(zip(model.modalities, views.senses, strict=True)):
    counted = np.asarray(sense) if there_BMV is None else np.asarray(sense)[there_BMV[:, i]]
    axes = tuple(range(counted.ndim - 1))
    # A NaN is for the step that trains on its scene to report.
    mean = np.nanmean(counted, axis=axes) if len(counted) else np.zeros(m.shape[-1], np.float32)
    biases[m.name] = mean / model.steps
  return biases


def quiet_start(params: Any, means: Mapping[str, np.ndarray], start_logvar: float = 0.0) -> Any:
  """Initial parameters under which the latents carry nothing at first, and the mean is rendered.

  From the authors' ranges, at a learning rate at which a small model learns within minutes, the
  mean of the senses is fitted first, through every path there is, and on the way the encoder of
  images is switched off for good (its ReLUs die). Here the experts' heads and the renderers' last
  kernels start at zero, the last biases at the mean, latents with a standard deviation of exp(-2),
  the encoders' convolutions at He's and everything else at LeCun's scale.

  Args:
    params: of `init_params`; their kernels have the variance 1 / (3 fan_in).
    means: per modality what its renderer's last bias is to be, of `mean_biases`.
    start_logvar: of the model's pooling.
  """

  def rescale(path: tuple[Any, ...], x: jax.Array) -> jax.Array:
    names = [part.key for part in path]
    if names[-1] in ('posterior_heads_bias', 'prior_heads_bias', 'anchor'):
      logvar = _QUIET_LOGVAR + (0 if names[-1] == 'anchor' else start_logvar)
      return (0 * x).at[..., x.shape[-1] // 2 :].set(logvar)
    if 'heads' in names[-1]:
      return 0 * x
    if names[0].startswith('renderers_') and names[1] == 'last':
      mean = jnp.asarray(means[names[0].removeprefix('renderers_')], x.dtype)
      return mean if names[-1] == 'bias' else 0 * x
    if names[-1].endswith('kernel'):
      convolution = names[0].startswith('encoders_') and 'Conv' in names[1]
      return math.sqrt(6 if convolution else 3) * x
    return x

  return jax.tree_util.tree_map_with_path(rescale, params)
