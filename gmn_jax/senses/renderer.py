"""Renderers: latents and queries to the means of one modality's views, summed over the draw steps.

What all have in common is here: the ConvLSTM that reads all latents and the query at every step.
How its hidden states become an image or a vector is in `image.py` and `vector.py`.

Dims: S episodes of a scene, B scenes, V views, N = B V, T draw steps, h w latent grid, Z latent
channels per step, L hidden channels, G = 4 L gates, Q query numbers (7).
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import add_bias, affine
from gmn_jax.layers.convolution import constant_response, convolve
from gmn_jax.senses.modality import Modality

Array = jax.Array
KERNEL_SIZE = 5


class Renderer(nn.Module):
  """Renders one modality; subclasses say how hidden states are decoded.

  Attributes:
    modality: what is rendered.
    width: L.
    steps: T.
    remat: compute the steps once more in the backward pass instead of keeping them.
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
    means = self.decode(constant_NhwG, k_hidden)
    return means.reshape(*query_BVQ.shape[:2], *self.modality.shape)

  def decode(self, constant_NhwG: Array, k_hidden: Array) -> Array:
    """Runs the ConvLSTM and decodes its hidden states to means (N, *modality.shape).

    Args:
      constant_NhwG: what latents, query and bias add to the gates, the same at every step.
      k_hidden: (K, K, L, G), the kernel of the hidden state to the gates.
    """
    raise NotImplementedError(f'{type(self).__name__} must say how hidden states are decoded')

  def kept(self, step: Callable) -> Callable:
    """A step of the loop, computed again in the backward pass if `remat` says so."""
    return jax.checkpoint(step) if self.remat else step
