"""Experts: ConvDRAW prior/posterior pairs, lifted over the modalities, and the latents drawn from
what they believe together.

One module serves every pooling (`pooling.py`). Its parameters carry a leading axis P:

  apoe      P = 1, E = M: one expert for all modalities, told apart by a one-hot, in one batch.
  poe       P = M, E = M: an expert per modality, without a one-hot.
  baseline  P = 1, E = 1: one expert on the sum of the modalities' representations.

Dims: P sets of parameters, E experts, M modalities, N episodes, T draw steps, h w latent grid, R
representation channels, L hidden channels of an LSTM, Z latent channels per step, G = 4 L gates,
K = 5 kernel size.
"""

from typing import NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import add_bias
from gmn_jax.layers.convolution import Kernel, constant_response
from gmn_jax.layers.initializers import fan_in_uniform
from gmn_jax.layers.lstm import lstm_cell
from gmn_jax.model import gaussians
from gmn_jax.model.lifting import lift, read_by, ready, split_inputs
from gmn_jax.model.pooling import Combine, Pooling

Array = jax.Array
KERNEL_SIZE = 5


class Gaussian(NamedTuple):
  """A diagonal Gaussian over latents: mean and logvar of one shape."""

  mean: Array
  logvar: Array


class Draw(NamedTuple):
  """What the draw steps yield.

  Attributes:
    z: latents (N, T, h, w, Z).
    prior: p(z_t | z_<t, context), what the experts believe together, (N, T, h, w, Z).
    prior_experts: the experts before they are combined, (N, T, E, h, w, Z).
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


class Experts(nn.Module):
  """The E experts of a model and what they believe together (paper Eq. 2 and 5; section 2.5).

  Attributes:
    pooling: how many experts there are, what tells them apart, and how they are combined.
    modalities: M.
    representation: R.
    hidden: L.
    latent: Z.
    remat: compute the draw steps once more in the backward pass instead of keeping them.
  """

  pooling: Pooling
  modalities: int
  representation: int
  hidden: int
  latent: int
  remat: bool = False

  def setup(self) -> None:
    """Declares the parameters, all with a leading axis P."""
    one_hot = self.pooling.one_hot(self.modalities)
    sets = 1 if self.pooling.shared else self.pooling.experts(self.modalities)

    def affine(name: str, inputs: int, outputs: int) -> tuple[Array, Array]:
      init = fan_in_uniform(KERNEL_SIZE**2 * inputs)
      kernel = self.param(
        f'{name}_kernel', init, (sets, KERNEL_SIZE, KERNEL_SIZE, inputs, outputs), jnp.float32
      )
      return kernel, self.param(f'{name}_bias', init, (sets, outputs), jnp.float32)

    # Input channels: [target R | context R | one-hot | prior's hidden L | own hidden L].
    self.posterior_gates = affine(
      'posterior_gates', 2 * self.representation + one_hot + 2 * self.hidden, 4 * self.hidden
    )
    # Output channels: [mean Z | logvar Z].
    self.posterior_heads = affine('posterior_heads', self.hidden, 2 * self.latent)
    # Input channels: [z Z | context R | one-hot | own hidden L].
    self.prior_gates = affine(
      'prior_gates', self.latent + self.representation + one_hot + self.hidden, 4 * self.hidden
    )
    self.prior_heads = affine('prior_heads', self.hidden, 2 * self.latent)

  def sample_posterior(
    self,
    context_ENhwR: Array,
    target_ENhwR: Array,
    noise_NThwZ: Array,
    in_context_EN: Array | None = None,
    in_either_EN: Array | None = None,
    from_prior_N: Array | None = None,
  ) -> Draw:
    """Samples z from the posterior, with the prior beside it at every step.

    Args:
      context_ENhwR: representation of each expert's context.
      target_ENhwR: of its targets.
      noise_NThwZ: standard normal numbers; zeros give the means.
      in_context_EN: whether an expert has a say in the prior; None: all have.
      in_either_EN: the same for the posterior.
      from_prior_N: bool, the episodes whose z is sampled from the prior instead; None: none.
    """
    chex.assert_equal_shape([context_ENhwR, target_ENhwR])
    R, L = self.representation, self.hidden
    dtype, grid = context_ENhwR.dtype, context_ENhwR.shape[2:4]
    kernel, bias = self.posterior_gates
    k_target, k_context, k_id, k_prior_hidden, k_hidden = split_inputs(
      kernel.astype(dtype), R, R, self._one_hot, L, L
    )
    constant = lift(target_ENhwR, k_target) + lift(context_ENhwR, k_context)
    constant = add_bias(constant + self._identity(k_id, *grid), _per_channel(bias))
    noise_TNhwZ = noise_NThwZ.swapaxes(0, 1)
    loops = len(noise_TNhwZ) - 1
    prior = self._prior(context_ENhwR, in_context_EN, loops)
    heads_kernel, heads_bias = self.posterior_heads
    heads_kernel = heads_kernel.astype(dtype)
    present = _per_latent(in_either_EN)
    of_prior_hidden = read_by([prior.k_hidden, k_prior_hidden, prior.k_heads], constant, loops)
    of_hidden = read_by([k_hidden, heads_kernel], constant, loops)

    def update(carry):
      (_, of_prior, _), of_posterior, cell, _ = carry
      return lstm_cell(constant + of_prior + of_posterior, cell)

    def draw(prior_heads, heads, noise) -> Draw:
      experts = _gaussian(heads + _per_channel(heads_bias))
      belief = Gaussian(*self.pooling.combine(*experts, present))
      of_prior = prior.believe(prior_heads)
      z = gaussians.sample(*belief, noise)
      if from_prior_N is not None:
        chosen = from_prior_N[:, None, None, None]
        z = jnp.where(chosen, gaussians.sample(*of_prior[0], noise), z)
      return Draw(z, *of_prior, belief, experts)

    def step(carry, noise):
      (prior_gates, _, prior_heads), _, _, prior_cell = carry
      hidden, cell = update(carry)
      of_posterior, heads = of_hidden.read(hidden)
      drawn = draw(prior_heads, heads, noise)
      prior_hidden, prior_cell = prior.update(prior_gates, drawn.z, prior_cell)
      return (of_prior_hidden.read(prior_hidden), of_posterior, cell, prior_cell), drawn

    # Hidden states start at zero, and nothing reads the last one of the prior: the first step
    # convolves neither, the last one updates no prior.
    cell = jnp.zeros_like(constant[..., :L])
    carry, draws = jax.lax.scan(
      jax.checkpoint(step) if self.remat else step,
      (of_prior_hidden.of_zero(constant), jnp.zeros_like(constant), cell, cell),
      noise_TNhwZ[:-1],
    )
    *_, prior_heads = carry[0]
    last = draw(prior_heads, lift(update(carry)[0], heads_kernel), noise_TNhwZ[-1])
    return _episodes_first(_append(draws, last))

  def sample_prior(
    self, context_ENhwR: Array, noise_NThwZ: Array, in_context_EN: Array | None = None
  ) -> Draw:
    """Samples z from the prior, the belief given the context; as `sample_posterior`."""
    noise_TNhwZ = noise_NThwZ.swapaxes(0, 1)
    loops = len(noise_TNhwZ) - 1
    prior = self._prior(context_ENhwR, in_context_EN, loops)
    of_hidden = read_by([prior.k_hidden, prior.k_heads], prior.constant, loops)

    def draw(heads, noise) -> Draw:
      belief, experts = prior.believe(heads)
      return Draw(gaussians.sample(*belief, noise), belief, experts)

    def step(carry, noise):
      (gates, heads), cell = carry
      drawn = draw(heads, noise)
      hidden, cell = prior.update(gates, drawn.z, cell)
      return (of_hidden.read(hidden), cell), drawn

    cell = jnp.zeros_like(prior.constant[..., : self.hidden])
    carry = of_hidden.of_zero(prior.constant), cell
    ((_, heads), _), draws = jax.lax.scan(step, carry, noise_TNhwZ[:-1])
    return _episodes_first(_append(draws, draw(heads, noise_TNhwZ[-1])))

  @property
  def _one_hot(self) -> int:
    return self.pooling.one_hot(self.modalities)

  def _identity(self, k_id: Array, height: int, width: int) -> Array:
    """What the one-hots contribute, (E, 1, h, w, G), or zero without them."""
    if not self.pooling.identify:
      return jnp.zeros((), k_id.dtype)
    return constant_response(k_id[0], height, width).transpose(2, 0, 1, 3)[:, None]

  def _prior(self, context_ENhwR: Array, in_context_EN: Array | None, loops: int) -> '_Prior':
    dtype, grid = context_ENhwR.dtype, context_ENhwR.shape[2:4]
    kernel, bias = self.prior_gates
    k_z, k_context, k_id, k_hidden = split_inputs(
      kernel.astype(dtype), self.latent, self.representation, self._one_hot, self.hidden
    )
    constant = lift(context_ENhwR, k_context)
    constant = add_bias(constant + self._identity(k_id, *grid), _per_channel(bias))
    k_heads, heads_bias = self.prior_heads
    return _Prior(
      constant,
      # All experts read the same z: where they share a kernel, it is convolved once.
      ready(k_z, constant[:1] if self.pooling.shared else constant, loops),
      k_hidden,
      k_heads.astype(dtype),
      heads_bias,
      _per_latent(in_context_EN),
      self.pooling.combine,
    )


class _Prior(NamedTuple):
  """What the prior needs at each step; its hidden state contributes to its gates and heads."""

  constant: Array
  k_z: list[Kernel]
  k_hidden: Array
  k_heads: Array
  heads_bias: Array
  present: Array | None
  combine: Combine

  def believe(self, heads: Array) -> tuple[Gaussian, Gaussian]:
    experts = _gaussian(heads + _per_channel(self.heads_bias))
    return Gaussian(*self.combine(*experts, self.present)), experts

  def update(self, gates: Array, z_NhwZ: Array, cell: Array) -> tuple[Array, Array]:
    of_z = lift(z_NhwZ[None].astype(self.constant.dtype), self.k_z)
    return lstm_cell(self.constant + gates + of_z, cell)


def _per_channel(bias_PO: Array) -> Array:
  return bias_PO[:, None, None, None]


def _gaussian(heads: Array) -> Gaussian:
  # Beliefs are multiplied in at least float32, whatever the convolutions compute in.
  return Gaussian(*jnp.split(heads.astype(jnp.promote_types(heads.dtype, jnp.float32)), 2, axis=-1))


def _per_latent(mask_EN: Array | None) -> Array | None:
  return None if mask_EN is None else mask_EN[:, :, None, None, None]


def _append(draws: Draw, last: Draw) -> Draw:
  return jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), draws, last)


def _episodes_first(draw: Draw) -> Draw:
  """From the loop's order, (T, N, ...) and (T, E, N, ...), to that of a `Draw`."""
  z, prior, posterior = jax.tree.map(
    lambda x: x.swapaxes(0, 1), (draw.z, draw.prior, draw.posterior)
  )
  of_prior, of_posterior = jax.tree.map(
    lambda x: jnp.moveaxis(x, 2, 0), (draw.prior_experts, draw.posterior_experts)
  )
  return Draw(z, prior, of_prior, posterior, of_posterior)
