"""The authors' initial weights."""

import math

import jax


def fan_in_uniform(fan_in: int):
  """A Flax initializer for a weight or a bias of a layer whose every output reads `fan_in` numbers.

  It is PyTorch 0.4's, and so the authors': uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)).
  """
  bound = 1 / math.sqrt(fan_in)

  def init(key, shape, dtype):
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return init
