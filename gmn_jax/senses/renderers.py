"""Renderers: latents and queries to the means of one modality's views, summed over the draw steps.

Dims: S episodes of a scene, B scenes, V views, N = B V, T draw steps, h w latent grid, Z latent
channels per step, L hidden channels, G = 4 L gates, C image channels, D haptic length, Q query
numbers (7).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import Dense, DoublingConv, add_bias, affine
from gmn_jax.layers.convolution import constant_response, convolve, double
from gmn_jax.layers.lstm import lstm_cell
from gmn_jax.senses.modality import Modality

Array = jax.Array
KERNEL_SIZE = 5


class Renderer(nn.Module):
  """Renders one modality with a ConvLSTM that reads all latents and the query at every one of
  `steps` steps.
  """

  modality: Modality
  width: int
  steps: int
  remat: bool = False

  @nn.compact
  def __call__(self, latents_SBhwTZ: Array, view_of_SBV: Array, query_BVQ: Array) -> Array:
    """Means of the views.

    Args:
      latents_SBhwTZ: (S, B, h, w, T Z) latents of each episode, channels t-major.
      view_of_SBV: 1 for the episode whose latents a view is rendered from, else 0.
      query_BVQ: embedded queries.

    Returns:
      (B, V, *modality.shape).
    """
    L, G = self.width, 4 * self.width
    height, width, channels = latents_SBhwTZ.shape[2:]
    dtype = latents_SBhwTZ.dtype
    inputs = channels + query_BVQ.shape[-1] + L
    kernel, bias = affine(
      self, (KERNEL_SIZE, KERNEL_SIZE, inputs, G), fan_in=KERNEL_SIZE**2 * inputs, name='gates'
    )
    k_z, k_query, k_hidden = jnp.split(
      kernel.astype(dtype), [channels, channels + query_BVQ.shape[-1]], axis=2
    )
    of_z = convolve(latents_SBhwTZ.reshape(-1, height, width, channels), k_z)
    of_z = of_z.reshape(*latents_SBhwTZ.shape[:2], height, width, G)
    of_query = jnp.einsum(
      'bvq,hwqg->bvhwg', query_BVQ.astype(dtype), constant_response(k_query, height, width)
    )
    constant = jnp.einsum('sbv,sbhwg->bvhwg', view_of_SBV.astype(dtype), of_z)
    constant = add_bias(constant + of_query, bias)
    constant_NhwG = constant.reshape(-1, height, width, G)
    decode = self._image if self.modality.kind == 'image' else self._haptic
    return decode(constant_NhwG, k_hidden).reshape(*query_BVQ.shape[:2], *self.modality.shape)

  def _kept(self, step):
    return jax.checkpoint(step) if self.remat else step

  def _image(self, constant_NhwG: Array, k_hidden: Array) -> Array:
    L, G, dtype = self.width, 4 * self.width, constant_NhwG.dtype
    wide = jnp.promote_types(dtype, jnp.float32)
    k_decode, b_decode = affine(
      self, (KERNEL_SIZE, KERNEL_SIZE, L, L // 2), fan_in=KERNEL_SIZE**2 * L, name='decode'
    )
    k_enlarge, b_enlarge = affine(self, (4, 4, L // 2, L), fan_in=8 * L, name='enlarge')
    k_decode, k_enlarge = k_decode.astype(dtype), k_enlarge.astype(dtype)
    # One convolution of the hidden state feeds the next gates and the decoder.
    k_of_hidden = jnp.concatenate([k_hidden, k_decode], axis=-1)

    def enlarged(of_hidden: Array) -> Array:
      decoded = nn.relu(add_bias(of_hidden, b_decode))
      return nn.relu(add_bias(double(decoded, k_enlarge), b_enlarge))

    def step(carry, _):
      of_hidden, cell, canvas = carry
      hidden, cell = lstm_cell(constant_NhwG + of_hidden, cell)
      of_hidden = convolve(hidden, k_of_hidden)
      canvas += enlarged(of_hidden[..., G:]).astype(canvas.dtype)
      return (of_hidden[..., :G], cell, canvas), None

    n, h, w, _ = constant_NhwG.shape
    cell = jnp.zeros_like(constant_NhwG[..., :L])
    carry = (jnp.zeros_like(constant_NhwG), cell, jnp.zeros((n, 2 * h, 2 * w, L), wide))
    (of_hidden, cell, canvas), _ = jax.lax.scan(self._kept(step), carry, length=self.steps - 1)
    hidden, _ = lstm_cell(constant_NhwG + of_hidden, cell)
    canvas += enlarged(convolve(hidden, k_decode)).astype(wide)
    # The last layer is linear: it is applied once, to the sum over the steps.
    last = DoublingConv(self.modality.shape[-1], repeats=self.steps, name='last')
    return last(canvas.astype(dtype))

  def _haptic(self, constant_NhwG: Array, k_hidden: Array) -> Array:
    def step(carry, _):
      of_hidden, cell = carry
      hidden, cell = lstm_cell(constant_NhwG + of_hidden, cell)
      return (convolve(hidden, k_hidden), cell), hidden

    carry = (jnp.zeros_like(constant_NhwG), jnp.zeros_like(constant_NhwG[..., : self.width]))
    (of_hidden, cell), hidden_TNhwL = jax.lax.scan(self._kept(step), carry, length=self.steps - 1)
    hidden, _ = lstm_cell(constant_NhwG + of_hidden, cell)
    hidden_TNhwL = jnp.concatenate([hidden_TNhwL, hidden[None]])
    x = hidden_TNhwL.reshape(*hidden_TNhwL.shape[:2], -1)
    x = nn.relu(Dense(8 * self.width, name='first')(x))
    x = nn.relu(Dense(8 * self.width, name='second')(x))
    return Dense(self.modality.size, repeats=self.steps, name='last')(x.sum(axis=0))
