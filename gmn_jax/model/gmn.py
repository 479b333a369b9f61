"""The generative multisensory network: encoders, experts, renderers, and how a scene passes through
them.

Dims: S episodes of a scene, B scenes, N = S B episodes (S-major), M modalities, V views, E experts,
T draw steps, h w latent grid, R representation channels, Z latent channels per step.
"""

from collections.abc import Sequence
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.layers.convolution import directly
from gmn_jax.model.draw import Draw, Noise
from gmn_jax.model.episodes import Episodes, seen
from gmn_jax.model.experts import Experts
from gmn_jax.model.hierarchy import LatentRepresentation
from gmn_jax.model.pooling import PRODUCT, Pooling
from gmn_jax.model.variant import APOE, Variant
from gmn_jax.senses.chosen import ChosenRays
from gmn_jax.senses.modality import Modality, latent_grid
from gmn_jax.senses.rendering import PAPER, Rendering
from gmn_jax.senses.sense import senses_of
from gmn_jax.senses.views import Views

Array = jax.Array


class GMN(nn.Module):
  """The model of every variant and pooling; the defaults are the paper's, with its sizes.

  Attributes:
    modalities: what it senses; latent grid and parameters follow from their shapes.
    variant: how representations become experts (`variant.py`).
    pooling: how what the experts believe becomes one belief (`pooling.py`).
    width: L, hidden channels of the LSTMs; every other width is a fixed multiple of it, R = 4 L.
    steps: T.
    latent: Z.
    hierarchical: representations are latents too (the paper's Eq. 3; `hierarchy.py`).
    dtype: what convolutions and matrices are computed in; None: as given. Parameters, sums over
      views and draw steps, beliefs and the loss keep at least float32.
    remat: compute the draw steps once more in the backward pass instead of keeping them.
    direct: compute every convolution directly, also where tiles take less time (`layers/tiles.py`).
    informed: the prior of the first draw step knows the context too (`experts.py`).
    rendering: how views are rendered from latents (`senses/rendering.py`).
  """

  modalities: tuple[Modality, ...]
  variant: Variant = APOE
  pooling: Pooling = PRODUCT
  width: int = 64
  steps: int = 12
  latent: int = 3
  hierarchical: bool = False
  dtype: jnp.dtype | None = None
  remat: bool = False
  direct: bool = False
  informed: bool = False
  rendering: Rendering = PAPER

  def apply(self, *args: Any, **kwargs: Any) -> Any:
    """As Flax's, with the convolutions in the form that the model asks for."""
    with directly(self.direct):
      return super().apply(*args, **kwargs)

  def setup(self) -> None:
    """Declares the parts and the initial representations."""
    grid, representation = self.grid, 4 * self.width
    self.encoders = {m.name: m.sense.encoder(self.width, grid) for m in self.modalities}
    self.initial = {
      m.name: self.param(
        f'initial_{m.name}', nn.initializers.zeros, (*grid, representation), jnp.float32
      )
      for m in self.modalities
    }
    self.experts = Experts(
      variant=self.variant,
      pooling=self.pooling,
      modalities=len(self.modalities),
      representation=representation,
      hidden=self.width,
      latent=self.latent,
      remat=self.remat,
      informed=self.informed,
    )
    self.anchor = None
    if self.pooling.anchored:
      shape = (self.steps, *grid, 2 * self.latent)
      self.anchor = self.param('anchor', nn.initializers.zeros, shape, jnp.float32)
    if self.hierarchical:
      self.latent_representations = {
        m.name: LatentRepresentation(representation) for m in self.modalities
      }
    scenes = {
      sense.name: self.rendering.scene(
        sense, tuple(m for m in self.modalities if m.sense == sense), self.width
      )
      for sense in senses_of(self.modalities)
    }
    self.scenes = {name: module for name, module in scenes.items() if module is not None}
    self.renderers = {
      m.name: self.rendering.renderer(m, self.width, self.steps, self.remat)
      for m in self.modalities
    }

  @property
  def grid(self) -> tuple[int, int]:
    """Rows and columns of the latent grid."""
    return latent_grid(self.modalities)

  def latents_shape(self, episodes: int) -> tuple[int, ...]:
    """(N, T, h, w, Z): the shape of the latents of N episodes and of the noise for them."""
    return (episodes, self.steps, *self.grid, self.latent)

  def representations_shape(self, episodes: int) -> tuple[int, ...]:
    """(N, M, h, w, R): the shape of the representations of N episodes."""
    return (episodes, len(self.modalities), *self.grid, 4 * self.width)

  def __call__(
    self,
    views: Views,
    episodes: Episodes,
    noise: Noise,
    chosen: Sequence[ChosenRays | None] | None = None,
  ) -> tuple[Draw, tuple[Array, ...]]:
    """Samples z of every episode from its posterior, and renders every view from where it is a
    target.

    Args:
      views: the scenes.
      episodes: their contexts and targets.
      noise: of S * B episodes.
      chosen: as `render` takes it.

    Returns:
      The draw, and per modality the means (B, V, *modality.shape), or (B, V, R, C) of chosen rays;
      a view that is no target is rendered from zeros.
    """
    encoded = self.encode(views)
    draw = self.sample_posterior(encoded, episodes, noise)
    view_of = jnp.moveaxis(episodes.target, 2, 0)
    return draw, self.render(draw.z, view_of, views.queries, chosen)

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

  def sample_posterior(
    self,
    encoded: tuple[Array, ...],
    episodes: Episodes,
    noise: Noise,
    from_prior_N: Array | None = None,
  ) -> Draw:
    """z from the posterior given context and targets, beside the prior given the context; from the
    prior where `from_prior_N`, beside both.
    """
    either = episodes.context | episodes.target
    context_MNhwR = self.represent(encoded, episodes.context)
    target_MNhwR = self.represent(encoded, episodes.target)
    kl_N = log_weight_N = jnp.zeros(context_MNhwR.shape[1], noise.latents.dtype)
    own_noise = None
    if self.hierarchical:
      present_MN = seen(either)
      drawn = [
        self.latent_representations[m.name].sample_posterior(context, target, of_m, from_prior_N)
        for m, context, target, of_m in zip(
          self.modalities, context_MNhwR, target_MNhwR, _by_modality(noise), strict=True
        )
      ]
      seen_MNhwR, kl_MN, log_weight_MN, noise_MNhwR = (
        jnp.stack(part) for part in zip(*drawn, strict=True)
      )
      # Nothing was sensed of an absent modality: its posterior is its prior.
      unseen_MNhwR = self._sample_representations(context_MNhwR, noise)
      present = present_MN[:, :, None, None, None]
      context_MNhwR = jnp.where(present, seen_MNhwR, unseen_MNhwR)
      own_noise = jnp.where(present, noise_MNhwR, _by_modality(noise)).swapaxes(0, 1)
      kl_N = jnp.where(present_MN, kl_MN, 0).sum(axis=0)
      log_weight_N = jnp.where(present_MN, log_weight_MN, 0).sum(axis=0)
    draw = self.experts.sample_posterior(
      self._feed(context_MNhwR, episodes.context),
      self._feed(target_MNhwR, episodes.target),
      noise.latents,
      self._present(episodes.context),
      self._present(either),
      self.anchor,
      from_prior_N,
    )
    return draw._replace(
      representation_kl=kl_N,
      representation_log_weight=log_weight_N,
      representation_noise=own_noise,
    )

  def sample_prior(self, encoded: tuple[Array, ...], context_SBMV: Array, noise: Noise) -> Draw:
    """z from the prior given the context."""
    context_MNhwR = self.represent(encoded, context_SBMV)
    if self.hierarchical:
      context_MNhwR = self._sample_representations(context_MNhwR, noise)
    return self.experts.sample_prior(
      self._feed(context_MNhwR, context_SBMV),
      noise.latents,
      self._present(context_SBMV),
      self.anchor,
    )

  def render(
    self,
    z_NThwZ: Array,
    view_of_MSBV: Array | Sequence[Array],
    queries: Sequence[Array],
    chosen: Sequence[ChosenRays | None] | None = None,
  ) -> tuple[Array, ...]:
    """Renders views from latents.

    Args:
      z_NThwZ: latents of N = S B episodes.
      view_of_MSBV: per modality (S, B, V), 1 for the episode from whose latents a view is rendered,
        else 0.
      queries: per modality (B, V, 7), embedded; V may be 0.
      chosen: per modality the rays of each view that are followed, or None for whole views; None:
        all views are whole.

    Returns:
      Per modality the means (B, V, *modality.shape), or (B, V, R, C) of chosen rays.
    """
    chex.assert_axis_dimension(z_NThwZ, 1, self.steps)
    _, steps, h, w, channels = z_NThwZ.shape
    latents_NhwTZ = z_NThwZ.transpose(0, 2, 3, 1, 4).reshape(-1, h, w, steps * channels)
    latents_SBhwTZ = self._computed(
      latents_NhwTZ.reshape(*view_of_MSBV[0].shape[:2], *latents_NhwTZ.shape[1:])
    )
    scenes = {name: scene(latents_SBhwTZ) for name, scene in self.scenes.items()}
    means = []
    chosen = chosen or [None] * len(self.modalities)
    for m, view_of_SBV, query, of_m in zip(
      self.modalities, view_of_MSBV, queries, chosen, strict=True
    ):
      empty = jnp.zeros((*query.shape[:2], *m.shape), z_NThwZ.dtype)
      scene = scenes.get(m.sense.name, latents_SBhwTZ)
      part = () if of_m is None else (of_m.numbers_BVR,)
      render = self.renderers[m.name]
      means.append(render(scene, view_of_SBV, query, *part) if query.shape[1] else empty)
    return tuple(means)

  def represent(self, encoded: tuple[Array, ...], mask_SBMV: Array) -> Array:
    """r_m of every modality, (M, N, h, w, R): r0_m + the sum over the views in the mask."""
    sums = [
      self.initial[m.name] + sum_views(r_BVhwR, mask_SBMV[:, :, i])
      for i, (m, r_BVhwR) in enumerate(zip(self.modalities, encoded, strict=True))
    ]
    return jnp.stack(sums).reshape(len(sums), -1, *sums[0].shape[2:])

  def _sample_representations(self, context_MNhwR: Array, noise: Noise) -> Array:
    return jnp.stack(
      [
        self.latent_representations[m.name].sample_prior(context, of_m)
        for m, context, of_m in zip(
          self.modalities, context_MNhwR, _by_modality(noise), strict=True
        )
      ]
    )

  def _feed(self, r_MNhwR: Array, mask_SBMV: Array) -> Array:
    present_MN = self.pooling.taking_part(seen(mask_SBMV))
    return self._computed(self.variant.feed(r_MNhwR, present_MN))

  def _present(self, mask_SBMV: Array) -> Array | None:
    """Which experts have a say, (E, N); None: all."""
    return self.variant.present(self.pooling.taking_part(seen(mask_SBMV)))

  def _computed(self, x: Array) -> Array:
    return x if self.dtype is None else x.astype(self.dtype)


@takes_numpy
def sum_views(r_BVhwR: Array, mask_SBV: Array) -> Array:
  """The sum over the views in a mask, (S, B, h, w, R), in float32 at least."""
  return jnp.einsum(
    'sbv,bvhwr->sbhwr',
    mask_SBV.astype(r_BVhwR.dtype),
    r_BVhwR,
    preferred_element_type=jnp.promote_types(r_BVhwR.dtype, jnp.float32),
  )


def _by_modality(noise: Noise) -> Array:
  """The representations' noise, M first."""
  if noise.representations is None:
    raise ValueError('a hierarchical model needs noise.representations: use sample_noise.')
  return noise.representations.swapaxes(0, 1)
