"""The authors' initial weights."""

import math

import jax


def fan_in_uniform(fan_in: int):
  """A Flax initializer for the weight and the bias of a layer.

  It is PyTorch 0.4's, and so the authors': uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), where `fan_in`
  is input channels times kernel size, of transposed convolutions too (github.com/pytorch/pytorch/
  issues/6950; PyTorch 1 counts output channels there).
  """
  bound = 1 / math.sqrt(fan_in)

  def init(key, shape, dtype):
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return init
