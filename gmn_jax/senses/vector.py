"""Vectors: what encodes and renders a sense whose views are D numbers each.

Dims: N views, D numbers, h w latent grid, R representation channels, Q query numbers (7), L hidden
channels, G = 4 L gates, T steps.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import Dense, ResidualDense
from gmn_jax.layers.convolution import convolve, prepare
from gmn_jax.layers.lstm import lstm_cell
from gmn_jax.senses.renderer import Renderer
from mese_env.errors import UserError

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class VectorCut:
  """Some numbers of a vector, in the order of `indices`."""

  indices: tuple[int, ...]

  def __call__(self, vector: Array) -> Array:
    """(..., all numbers) to (..., D).

    Raises:
      UserError: the vector is shorter than an index asks for.
    """
    if max(self.indices) >= vector.shape[-1]:
      raise UserError(
        f'a modality is cut from number {max(self.indices)} of a vector of {vector.shape[-1]}; '
        'give it smaller indices, or longer vectors.'
      )
    return vector[..., jnp.array(self.indices)]


class VectorEncoder(nn.Module):
  """Vector (N, D) and query (N, Q) to (N, h, w, R), R = 4 `width`."""

  width: int
  grid: tuple[int, int]

  @nn.compact
  def __call__(self, vector: Array, query: Array) -> Array:
    x = nn.relu(Dense(8 * self.width)(vector))
    x = nn.relu(ResidualDense(4 * self.width)(x))
    x = nn.relu(Dense(8 * self.width)(x))
    x = jnp.concatenate([x, query.astype(x.dtype)], axis=-1)
    x = nn.relu(ResidualDense(4 * self.width)(x))
    x = nn.relu(Dense(8 * self.width)(x))
    x = nn.relu(Dense(4 * self.width * self.grid[0] * self.grid[1])(x))
    return x.reshape(-1, *self.grid, 4 * self.width)


class VectorRenderer(Renderer):
  """Renders D numbers: every hidden state through two dense layers, their sum through a third."""

  def decode(self, constant_NhwG: Array, k_hidden: Array) -> Array:
    """Means (N, D)."""
    k_of_hidden = prepare(k_hidden, constant_NhwG.shape[:3], self.steps - 1)

    def step(carry, _):
      of_hidden, cell = carry
      hidden, cell = lstm_cell(constant_NhwG + of_hidden, cell)
      return (convolve(hidden, k_of_hidden), cell), hidden

    carry = (jnp.zeros_like(constant_NhwG), jnp.zeros_like(constant_NhwG[..., : self.width]))
    (of_hidden, cell), hidden_TNhwL = jax.lax.scan(self.kept(step), carry, length=self.steps - 1)
    hidden, _ = lstm_cell(constant_NhwG + of_hidden, cell)
    hidden_TNhwL = jnp.concatenate([hidden_TNhwL, hidden[None]])
    x = hidden_TNhwL.reshape(*hidden_TNhwL.shape[:2], -1)
    x = nn.relu(Dense(8 * self.width, name='first')(x))
    x = nn.relu(Dense(8 * self.width, name='second')(x))
    return Dense(self.modality.size, repeats=self.steps, name='last')(x.sum(axis=0))
