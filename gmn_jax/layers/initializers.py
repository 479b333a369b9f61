"""The authors' initial weights."""

import math
from collections.abc import Callable, Sequence

import jax
from jax.typing import DTypeLike


def fan_in_uniform(fan_in: int) -> Callable[..., jax.Array]:
  """A Flax initializer for the weight and the bias of a layer.

  It is PyTorch 0.4's, and so the authors': uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), where `fan_in`
  is input channels times kernel size, of transposed convolutions too (github.com/pytorch/pytorch/
  issues/6950; PyTorch 1 counts output channels there).
  """
  bound = 1 / math.sqrt(fan_in)

  def init(key: jax.Array, shape: Sequence[int], dtype: DTypeLike) -> jax.Array:
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return init
