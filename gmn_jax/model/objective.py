"""The evidence lower bound (ELBO) and its terms, in nats with every Gaussian constant in place.

Dims: S episodes of a scene, B scenes, N = S B episodes, M modalities, V views, T draw steps.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.model import gaussians
from gmn_jax.model.applied import apply
from gmn_jax.model.draw import Draw, Noise
from gmn_jax.model.episodes import Episodes
from gmn_jax.model.gmn import GMN
from gmn_jax.senses.chosen import ChosenRays
from gmn_jax.senses.views import Views

Array = jax.Array


class ElboTerms(NamedTuple):
  """The terms of the ELBO of N episodes; sums over an episode's target views, pixels and latents.

  Attributes:
    squared_error: (N, M), sum of squares, in squared units of the senses ([0, 1] images, scaled
      haptics).
    kl: (N, T), KL of posterior to prior per draw step, nats.
    targets: (N, M), how many target views.
    representation_kl: (N,), KL of the representations of a hierarchical model, nats; else zeros.
  """

  squared_error: Array
  kl: Array
  targets: Array
  representation_kl: Array

  def loss(self, std: float = 1.0, beta: float = 1.0) -> Array:
    """What training minimises: 0.5 SSE / std^2 + beta KL, mean over the N episodes (no additive
    constants).
    """
    return jnp.mean(0.5 * self.squared_error.sum(axis=1) / std**2 + beta * self.total_kl)

  @property
  def total_kl(self) -> Array:
    """Of all latents, nats, (N,)."""
    return self.kl.sum(axis=1) + self.representation_kl

  def log_likelihood(self, sizes_M: Array, std: float = 1.0) -> Array:
    """log p(targets | z), nats, (N, M); `sizes_M` holds how many numbers a view of each modality
    has.
    """
    constant = 0.5 * math.log(2 * math.pi * std**2)
    return -0.5 * self.squared_error / std**2 - constant * self.targets * sizes_M


@takes_numpy
def elbo_terms(model: GMN, params, views: Views, episodes: Episodes, noise: Noise) -> ElboTerms:
  """The terms of the ELBO of every episode.

  Args:
    model: the network.
    params: its parameters.
    views: the scenes.
    episodes: their contexts and targets.
    noise: of S * B episodes; zeros give the means.
  """
  draw, means = apply(model, params, views, episodes, noise)
  return terms_of(views, episodes, draw, means)


def terms_of(
  views: Views,
  episodes: Episodes,
  draw: Draw,
  means: tuple[Array, ...],
  chosen: Sequence[ChosenRays | None] | None = None,
) -> ElboTerms:
  """The terms of the ELBO from what the model returned for these views, episodes and chosen rays.

  Of views of which rays were chosen, the squared errors are unbiased estimates.
  """
  assert draw.posterior is not None and draw.representation_kl is not None  # z is of the posterior.
  kl_NT = gaussians.divergence(*draw.posterior, *draw.prior).sum(axis=(2, 3, 4))
  parts = chosen or [None] * len(means)
  errors_MBV = jnp.stack(
    [
      jnp.sum((sense - mean.astype(sense.dtype)) ** 2, axis=range(2, sense.ndim))
      if part is None
      else part.estimated_error(sense, mean)
      for sense, mean, part in zip(views.senses, means, parts, strict=True)
    ]
  )
  target_SBMV = episodes.target.astype(errors_MBV.dtype)
  error_SBM = jnp.einsum('sbmv,mbv->sbm', target_SBMV, errors_MBV)
  modalities = error_SBM.shape[-1]
  return ElboTerms(
    squared_error=error_SBM.reshape(-1, modalities),
    kl=kl_NT,
    targets=target_SBMV.sum(axis=-1).reshape(-1, modalities),
    representation_kl=draw.representation_kl,
  )
