"""The noise from which the latents of a model are drawn, and what its draw steps yield.

Dims: M modalities, E experts, N episodes, T draw steps, h w latent grid, R representation channels,
Z latent channels per step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.model.gaussians import Gaussian

Array = jax.Array


class Noise(NamedTuple):
  """Standard normal numbers from which everything latent in N episodes is sampled; zeros give the
  means.

  Attributes:
    latents: of z, (N, T, h, w, Z).
    representations: of a hierarchical model's representations, (N, M, h, w, R); else None.
  """

  latents: Array
  representations: Array | None = None


class Draw(NamedTuple):
  """What the draw steps yield.

  Attributes:
    z: latents (N, T, h, w, Z).
    prior: p(z_t | z_<t, context), what the experts believe together, (N, T, h, w, Z).
    prior_experts: the experts before they are combined, (N, T, E, h, w, Z); an anchor is none of
      them.
    posterior: q(z_t | z_<t, context, target); None when z came from the prior.
    posterior_experts: likewise.
    representation_kl: KL of the representations' posterior to their prior, summed over the
      modalities present, nats, (N,), zeros unless the model is hierarchical; None when z came from
      the prior.
    representation_log_weight: log p - log q of the representations drawn, likewise.
    representation_noise: from which q draws these representations, (N, M, h, w, R), likewise, but
      None unless the model is hierarchical.
  """

  z: Array
  prior: Gaussian
  prior_experts: Gaussian
  posterior: Gaussian | None = None
  posterior_experts: Gaussian | None = None
  representation_kl: Array | None = None
  representation_log_weight: Array | None = None
  representation_noise: Array | None = None


def append(draws: Draw, last: Draw) -> Draw:
  """The draw of many steps, T first, and of one more."""
  return jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), draws, last)


def episodes_first(draw: Draw) -> Draw:
  """From the loop's order, (T, N, ...) and (T, E, N, ...), to that of a `Draw`."""
  z, prior, posterior = jax.tree.map(
    lambda x: x.swapaxes(0, 1), (draw.z, draw.prior, draw.posterior)
  )
  of_prior, of_posterior = jax.tree.map(
    lambda x: jnp.moveaxis(x, 2, 0), (draw.prior_experts, draw.posterior_experts)
  )
  return Draw(z, prior, of_prior, posterior, of_posterior)
