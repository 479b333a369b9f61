"""Initial weights: the authors', and a start from which few and large steps learn."""

import math
from typing import Any

import jax

_QUIET_LOGVAR = -4.0


def fan_in_uniform(fan_in: int):
  """A Flax initializer for a weight or a bias of a layer whose every output reads `fan_in` numbers.

  It is PyTorch 0.4's, and so the authors': uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)).
  """
  bound = 1 / math.sqrt(fan_in)

  def init(key, shape, dtype):
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return init


def quiet_start(params: Any) -> Any:
  """Initial parameters under which the latents carry neither noise nor anything else at first.

  From the authors' ranges, at a rate at which a small model learns within minutes, the mean image
  is fitted first, and on the way the sampling noise of the latents has every path from the context
  switched off (its ReLUs die). Here the experts' heads and the renderers' last layers start at
  zero, latents with a standard deviation of exp(-2), encoders at He's and everything else at
  LeCun's scale.

  Args:
    params: of `init_params`; their kernels have the variance 1 / (3 fan_in).
  """

  def rescale(path: tuple[jax.tree_util.DictKey, ...], x: jax.Array) -> jax.Array:
    names = [part.key for part in path]
    if names[-1] in ('posterior_heads_bias', 'prior_heads_bias'):
      return (0 * x).at[..., x.shape[-1] // 2 :].set(_QUIET_LOGVAR)
    if 'heads' in names[-1] or (names[0].startswith('renderers_') and names[1] == 'last'):
      return 0 * x
    if names[-1].endswith('kernel'):
      image_encoder = names[0].startswith('encoders_') and 'Conv' in names[1]
      return math.sqrt(6 if image_encoder else 3) * x
    return x

  return jax.tree_util.tree_map_with_path(rescale, params)
