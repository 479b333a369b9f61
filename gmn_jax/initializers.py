"""Initial weights as PyTorch 0.4 drew them: uniform(-1/sqrt(n), 1/sqrt(n)), n the fan-in, for weights and biases."""

import math

import jax


def fan_in_uniform(fan_in: int):
  """A Flax initializer for a weight or a bias of a layer whose every output reads `fan_in` numbers."""
  bound = 1 / math.sqrt(fan_in)

  def init(key, shape, dtype):
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return init
