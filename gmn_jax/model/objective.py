"""The evidence lower bound and its parts, in nats with every Gaussian constant in place.

Dims: S episodes of a scene, B scenes, N = S B episodes, M modalities, V views, T draw steps.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.model import GMN, gaussians
from gmn_jax.model.experts import Draw
from gmn_jax.senses.batch import Episodes, Views

Array = jax.Array


class Evidence(NamedTuple):
  """The parts of the bound; sums over an episode's target views, pixels and latents.

  Attributes:
    squared_error: (N, M), sum of squares, in squared units of the senses ([0, 1] images, scaled
      haptics).
    kl: (T, N), KL of posterior to prior per draw step, nats.
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
    return self.kl.sum(axis=0) + self.representation_kl

  def log_likelihood(self, sizes_M: Array, std: float = 1.0) -> Array:
    """log p(targets | z), nats, (N, M); `sizes_M` holds how many numbers a view of each modality
    has.
    """
    constant = 0.5 * math.log(2 * math.pi * std**2)
    return -0.5 * self.squared_error / std**2 - constant * self.targets * sizes_M


def evidence(
  model: GMN,
  params,
  views: Views,
  episodes: Episodes,
  noise_TNhwZ: Array,
  noise_MNhwR: Array | None = None,
) -> Evidence:
  """The parts of the evidence lower bound of every episode.

  Args:
    model: the network.
    params: its parameters.
    views: the scenes.
    episodes: their contexts and targets.
    noise_TNhwZ: standard normal numbers of `model.noise_shape(S * B)`; zeros give the means.
    noise_MNhwR: the same of `model.representation_shape(S * B)`, for a hierarchical model.
  """
  draw, means = model.apply({'params': params}, views, episodes, noise_TNhwZ, noise_MNhwR)
  return weigh(views, episodes, draw, means)


def weigh(views: Views, episodes: Episodes, draw: Draw, means: tuple[Array, ...]) -> Evidence:
  """The parts of the bound from what the model returned for these views and episodes."""
  kl_TN = gaussians.divergence(*draw.posterior, *draw.prior).sum(axis=(2, 3, 4))
  errors_MBV = jnp.stack(
    [
      jnp.sum((sense - mean.astype(sense.dtype)) ** 2, axis=range(2, sense.ndim))
      for sense, mean in zip(views.senses, means, strict=True)
    ]
  )
  target_SBMV = episodes.target.astype(errors_MBV.dtype)
  error_SBM = jnp.einsum('sbmv,mbv->sbm', target_SBMV, errors_MBV)
  modalities = error_SBM.shape[-1]
  return Evidence(
    squared_error=error_SBM.reshape(-1, modalities),
    kl=kl_TN,
    targets=target_SBMV.sum(axis=-1).reshape(-1, modalities),
    representation_kl=draw.representation_kl,
  )
