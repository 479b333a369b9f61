"""The generative multisensory network: encoders, experts, renderers, and how a scene passes through
them.

Dims: S episodes of a scene, B scenes, N = S B episodes (S-major), M modalities, V views, E experts,
T draw steps, h w latent grid, R representation channels, Z latent channels per step.
"""

import functools
from collections.abc import Sequence
from typing import Literal

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.model.experts import Draw, Experts
from gmn_jax.model.hierarchy import LatentRepresentation
from gmn_jax.senses.batch import Episodes, Views
from gmn_jax.senses.encoders import HapticEncoder, ImageEncoder
from gmn_jax.senses.modality import Modality, latent_grid
from gmn_jax.senses.renderers import Renderer

Array = jax.Array


class GMN(nn.Module):
  """The model of all three variants (see `experts.py`); the defaults are the paper's sizes.

  Attributes:
    modalities: what it senses; latent grid and parameters follow from their shapes.
    variant: 'apoe', 'poe' or 'baseline'.
    width: L, hidden channels of the LSTMs; every other width is a fixed multiple of it, R = 4 L.
    steps: T.
    latent: Z.
    absent: what a modality without a view does: 'prior', its expert still multiplies, fed the
      learned initial representation (the authors' code); 'mask', it takes no part (the paper's Eq.
      2 and 5), unless all are absent.
    hierarchical: representations are latents too (the paper's Eq. 3; `hierarchy.py`); then
      `noise_MNhwR`, standard normal, draws them wherever the methods take it.
    dtype: what convolutions and matrices are computed in; None: as given. Parameters, sums over
      views and draw steps, beliefs and the loss keep at least float32.
    remat: compute the draw steps once more in the backward pass instead of keeping them.
  """

  modalities: tuple[Modality, ...]
  variant: Literal['apoe', 'poe', 'baseline'] = 'apoe'
  width: int = 64
  steps: int = 12
  latent: int = 3
  absent: Literal['prior', 'mask'] = 'prior'
  hierarchical: bool = False
  dtype: jnp.dtype | None = None
  remat: bool = False

  def setup(self):
    grid, representation = self.grid, 4 * self.width
    self.encoders = {
      m.name: ImageEncoder(self.width) if m.kind == 'image' else HapticEncoder(self.width, grid)
      for m in self.modalities
    }
    self.initial = {
      m.name: self.param(
        f'initial_{m.name}', nn.initializers.zeros, (*grid, representation), jnp.float32
      )
      for m in self.modalities
    }
    self.experts = Experts(
      num_experts=1 if self.variant == 'baseline' else len(self.modalities),
      shared=self.variant != 'poe',
      identify=self.variant == 'apoe',
      representation=representation,
      hidden=self.width,
      latent=self.latent,
      remat=self.remat,
    )
    if self.hierarchical:
      self.latent_representations = {
        m.name: LatentRepresentation(representation) for m in self.modalities
      }
    self.renderers = {
      m.name: Renderer(m, self.width, self.steps, self.remat) for m in self.modalities
    }

  @property
  def grid(self) -> tuple[int, int]:
    """Rows and columns of the latent grid."""
    return latent_grid(self.modalities)

  def noise_shape(self, episodes: int) -> tuple[int, ...]:
    """(T, N, h, w, Z): the shape of the latents of N episodes and of the noise that draws them."""
    return (self.steps, episodes, *self.grid, self.latent)

  def representation_shape(self, episodes: int) -> tuple[int, ...]:
    """(M, N, h, w, R): the shape of the representations of N episodes."""
    return (len(self.modalities), episodes, *self.grid, 4 * self.width)

  def __call__(
    self, views: Views, episodes: Episodes, noise_TNhwZ: Array, noise_MNhwR: Array | None = None
  ) -> tuple[Draw, tuple[Array, ...]]:
    """Infers z of every episode from its context and targets, and renders every view from where it
    is a target.

    Returns:
      The draw, and per modality the means (B, V, *modality.shape); a view that is no target is
      rendered from zeros.
    """
    encoded = self.encode(views)
    draw = self.infer(encoded, episodes, noise_TNhwZ, noise_MNhwR)
    view_of = jnp.moveaxis(episodes.target, 2, 0)
    return draw, self.render(draw.z, view_of, views.queries)

  def encode(self, views: Views) -> tuple[Array, ...]:
    """Per modality the representation of every view, (B, V, h, w, R)."""
    encoded = []
    for m, sense, query in zip(self.modalities, views.senses, views.queries, strict=True):
      chex.assert_shape(sense, (*query.shape[:2], *m.shape))
      flat = self.encoders[m.name](
        self._computed(sense.reshape(-1, *m.shape)), query.reshape(-1, query.shape[-1])
      )
      encoded.append(flat.reshape(*query.shape[:2], *flat.shape[1:]))
    return tuple(encoded)

  def infer(
    self,
    encoded: tuple[Array, ...],
    episodes: Episodes,
    noise_TNhwZ: Array,
    noise_MNhwR: Array | None = None,
  ) -> Draw:
    """z from the posterior given context and targets, beside the prior given the context."""
    either = episodes.context | episodes.target
    context_MNhwR = self.represent(encoded, episodes.context)
    target_MNhwR = self.represent(encoded, episodes.target)
    kl_N = log_weight_N = jnp.zeros(context_MNhwR.shape[1], noise_TNhwZ.dtype)
    if self.hierarchical:
      present_MN = _seen(either)
      drawn = [
        self.latent_representations[m.name].infer(context, target, noise)
        for m, context, target, noise in zip(
          self.modalities, context_MNhwR, target_MNhwR, noise_MNhwR, strict=True
        )
      ]
      seen_MNhwR, kl_MN, log_weight_MN = (jnp.stack(part) for part in zip(*drawn, strict=True))
      # Nothing was sensed of an absent modality: its posterior is its prior.
      unseen_MNhwR = self._imagine_representations(context_MNhwR, noise_MNhwR)
      context_MNhwR = jnp.where(present_MN[:, :, None, None, None], seen_MNhwR, unseen_MNhwR)
      kl_N = jnp.where(present_MN, kl_MN, 0).sum(axis=0)
      log_weight_N = jnp.where(present_MN, log_weight_MN, 0).sum(axis=0)
    draw = self.experts.infer(
      self._feed(context_MNhwR, episodes.context),
      self._feed(target_MNhwR, episodes.target),
      noise_TNhwZ,
      self._takes_part(episodes.context),
      self._takes_part(either),
    )
    return draw._replace(representation_kl=kl_N, representation_log_weight=log_weight_N)

  def imagine(
    self,
    encoded: tuple[Array, ...],
    context_SBMV: Array,
    noise_TNhwZ: Array,
    noise_MNhwR: Array | None = None,
  ) -> Draw:
    """z from the prior given the context."""
    context_MNhwR = self.represent(encoded, context_SBMV)
    if self.hierarchical:
      context_MNhwR = self._imagine_representations(context_MNhwR, noise_MNhwR)
    return self.experts.imagine(
      self._feed(context_MNhwR, context_SBMV), noise_TNhwZ, self._takes_part(context_SBMV)
    )

  def render(
    self, z_TNhwZ: Array, view_of_MSBV: Sequence[Array], queries: Sequence[Array]
  ) -> tuple[Array, ...]:
    """Renders views from latents.

    Args:
      z_TNhwZ: latents of N = S B episodes.
      view_of_MSBV: per modality (S, B, V), 1 for the episode from whose latents a view is rendered,
        else 0.
      queries: per modality (B, V, 7), embedded; V may be 0.

    Returns:
      Per modality the means (B, V, *modality.shape).
    """
    chex.assert_axis_dimension(z_TNhwZ, 0, self.steps)
    steps, _, h, w, channels = z_TNhwZ.shape
    latents_NhwTZ = z_TNhwZ.transpose(1, 2, 3, 0, 4).reshape(-1, h, w, steps * channels)
    means = []
    for m, view_of_SBV, query in zip(self.modalities, view_of_MSBV, queries, strict=True):
      latents = latents_NhwTZ.reshape(*view_of_SBV.shape[:2], *latents_NhwTZ.shape[1:])
      empty = jnp.zeros((*query.shape[:2], *m.shape), z_TNhwZ.dtype)
      means.append(
        self.renderers[m.name](self._computed(latents), view_of_SBV, query)
        if query.shape[1]
        else empty
      )
    return tuple(means)

  def represent(self, encoded: tuple[Array, ...], mask_SBMV: Array) -> Array:
    """r_m of every modality, (M, N, h, w, R): r0_m + the sum over the views in the mask."""
    sums = [
      self.initial[m.name]
      + jnp.einsum(
        'sbv,bvhwr->sbhwr',
        mask_SBMV[:, :, i].astype(r_BVhwR.dtype),
        r_BVhwR,
        preferred_element_type=jnp.promote_types(r_BVhwR.dtype, jnp.float32),
      )
      for i, (m, r_BVhwR) in enumerate(zip(self.modalities, encoded, strict=True))
    ]
    return jnp.stack(sums).reshape(len(sums), -1, *sums[0].shape[2:])

  def _imagine_representations(self, context_MNhwR: Array, noise_MNhwR: Array) -> Array:
    return jnp.stack(
      [
        self.latent_representations[m.name].imagine(context, noise)
        for m, context, noise in zip(self.modalities, context_MNhwR, noise_MNhwR, strict=True)
      ]
    )

  def _feed(self, r_MNhwR: Array, mask_SBMV: Array) -> Array:
    """What each expert is fed, (E, N, h, w, R): r_m, or for the baseline its sum over the
    modalities.
    """
    if self.variant != 'baseline':
      return self._computed(r_MNhwR)
    if self.absent == 'mask':
      present_MN = _seen(mask_SBMV)
      present_MN |= ~present_MN.any(axis=0)
      r_MNhwR = jnp.where(present_MN[:, :, None, None, None], r_MNhwR, 0)
    return self._computed(r_MNhwR.sum(axis=0, keepdims=True))

  def _computed(self, x: Array) -> Array:
    return x if self.dtype is None else x.astype(self.dtype)

  def _takes_part(self, mask_SBMV: Array) -> Array | None:
    """Which experts multiply, (E, N); None: all."""
    if self.absent == 'prior' or self.variant == 'baseline':
      return None
    return _seen(mask_SBMV)


def draw_noise(model: GMN, key: Array, episodes: int) -> tuple[Array, Array | None]:
  """Standard normal numbers for z of N episodes, and for a hierarchical model's other latents."""
  key_latents, key_representations = jax.random.split(key)
  noise_TNhwZ = jax.random.normal(key_latents, model.noise_shape(episodes))
  if not model.hierarchical:
    return noise_TNhwZ, None
  return noise_TNhwZ, jax.random.normal(key_representations, model.representation_shape(episodes))


def init_params(model: GMN, key: Array):
  """Draws a model's parameters, float32: PyTorch 0.4's ranges, and zeros for the initial
  representations.
  """
  views = Views(
    tuple(jnp.zeros((1, 1, *m.shape)) for m in model.modalities),
    tuple(jnp.zeros((1, 1, 7)) for _ in model.modalities),
  )
  mask = jnp.ones((1, 1, len(model.modalities), 1), bool)
  noise = jnp.zeros(model.noise_shape(1)), jnp.zeros(model.representation_shape(1))
  return model.init(key, views, Episodes(mask, mask), *noise)['params']


def parameter_shapes(model: GMN):
  """The shapes and dtypes of a model's parameters, without computing them."""
  return jax.eval_shape(functools.partial(init_params, model), jax.random.key(0))


def _seen(mask_SBMV: Array) -> Array:
  """Whether an episode has a view of a modality, (M, N)."""
  seen_SBM = mask_SBMV.any(axis=-1)
  return seen_SBM.reshape(-1, seen_SBM.shape[-1]).T
