"""The hierarchical model: each modality's representation is a latent itself (paper Eq. 3).

Dims: N episodes, h w latent grid, R representation channels.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import Dense

Array = jax.Array

# What the logarithms of a standard deviation and of a ratio of two stay below: they are affine maps
# of sums over many views, and exp(2 x) leaves the range of float32 at x = 45.
_MOST = 5.0


class LatentRepresentation(nn.Module):
  """Prior p(r | C) and posterior q(r | C, O) of one modality's representation, diagonal Gaussians.

  The prior's mean is the sum that the deterministic model uses, its standard deviation s is
  learned. The posterior is given relative to it, mean + s shift and s ratio, so that the KL stays
  finite however small s gets, and s = 0 is the deterministic model. Both s and the ratio stay below
  exp(5).
  """

  features: int

  def setup(self) -> None:
    """Declares what the densities are read off."""
    self.log_std = Dense(self.features)
    self.relative = Dense(2 * self.features)

  def sample_prior(self, context_NhwR: Array, noise_NhwR: Array) -> Array:
    """r ~ p(r | C)."""
    return context_NhwR + self._std(context_NhwR) * noise_NhwR.astype(context_NhwR.dtype)

  def sample_posterior(
    self,
    context_NhwR: Array,
    target_NhwR: Array,
    noise_NhwR: Array,
    from_prior_N: Array | None = None,
  ) -> tuple[Array, Array, Array, Array]:
    """r ~ q(r | C, O), or of the prior where `from_prior_N`; the KL of q to the prior; log p(r) -
    log q(r), both in nats, (N,); and the noise from which q draws this r.
    """
    both = jnp.concatenate([context_NhwR, target_NhwR], axis=-1)
    shift, log_ratio = jnp.split(self.relative(both), 2, axis=-1)
    log_ratio = _below(log_ratio)
    unit = shift + jnp.exp(log_ratio) * noise_NhwR.astype(shift.dtype)
    if from_prior_N is not None:
      chosen = from_prior_N[:, None, None, None]
      of_prior = noise_NhwR.astype(shift.dtype)
      noise_NhwR = jnp.where(chosen, (of_prior - shift) * jnp.exp(-log_ratio), of_prior)
      unit = jnp.where(chosen, of_prior, unit)
    wide = jnp.promote_types(shift.dtype, jnp.float32)
    shift, log_ratio = shift.astype(wide), log_ratio.astype(wide)
    kl = 0.5 * (jnp.exp(2 * log_ratio) + shift**2 - 1) - log_ratio
    # Both densities share the prior's scale: what differs is that of the unit.
    log_weight = 0.5 * (noise_NhwR.astype(wide) ** 2 - unit.astype(wide) ** 2) + log_ratio
    r_NhwR = context_NhwR + self._std(context_NhwR) * unit
    return r_NhwR, kl.sum(axis=(1, 2, 3)), log_weight.sum(axis=(1, 2, 3)), noise_NhwR

  def _std(self, context_NhwR: Array) -> Array:
    return jnp.exp(_below(self.log_std(context_NhwR)))


def _below(x: Array) -> Array:
  """Up to zero x itself; above, what rises ever less towards the most, and keeps a gradient."""
  above = jnp.maximum(x, 0)
  return jnp.minimum(x, 0) + _MOST * above / (_MOST + above)
