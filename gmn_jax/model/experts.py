"""Experts: ConvDRAW prior/posterior pairs, lifted over the modalities, and the latents drawn from
what they believe together.

One module serves every variant (`variant.py`) and pooling (`pooling.py`). Its parameters carry a
leading axis P:

  apoe      P = 1, E = M: one expert for all modalities, told apart by a one-hot, in one batch.
  poe       P = M, E = M: an expert per modality, without a one-hot.
  baseline  P = 1, E = 1: one expert on the sum of the modalities' representations.

Dims: P sets of parameters, E experts, M modalities, N episodes, T draw steps, h w latent grid, R
representation channels, L hidden channels of an LSTM, Z latent channels per step, G = 4 L gates,
C = 2 Z channels of a Gaussian, K = 5 kernel size.
"""

from typing import Any, NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.affine import add_bias
from gmn_jax.layers.convolution import Kernel, constant_response
from gmn_jax.layers.initializers import fan_in_uniform
from gmn_jax.layers.lstm import lstm_cell
from gmn_jax.model import gaussians
from gmn_jax.model.draw import Draw, append, episodes_first
from gmn_jax.model.gaussians import Gaussian
from gmn_jax.model.lifting import Readers, lift, read_by, ready, split_inputs
from gmn_jax.model.pooling import Pooling
from gmn_jax.model.variant import Variant

Array = jax.Array
KERNEL_SIZE = 5


class Experts(nn.Module):
  """The E experts of a model and what they believe together (paper Eq. 2 and 5; section 2.5).

  Attributes:
    variant: how many experts there are, and what tells them apart.
    pooling: how they are combined.
    modalities: M.
    representation: R.
    hidden: L.
    latent: Z.
    remat: compute the draw steps once more in the backward pass instead of keeping them.
    informed: whether the prior's LSTM has read the context before the first draw step, in one
      update with z = 0. Else the first step's prior knows nothing of it (the authors' code).
  """

  variant: Variant
  pooling: Pooling
  modalities: int
  representation: int
  hidden: int
  latent: int
  remat: bool = False
  informed: bool = False

  def setup(self) -> None:
    """Declares the parameters, all with a leading axis P."""
    one_hot = self.variant.one_hot(self.modalities)
    sets = 1 if self.variant.shared else self.variant.experts(self.modalities)

    def affine(name: str, inputs: int, outputs: int, start: float = 0) -> tuple[Array, Array]:
      init = fan_in_uniform(KERNEL_SIZE**2 * inputs)

      def init_bias(*args: Any) -> Array:
        return init(*args).at[:, outputs // 2 :].add(start) if start else init(*args)

      kernel = self.param(
        f'{name}_kernel', init, (sets, KERNEL_SIZE, KERNEL_SIZE, inputs, outputs), jnp.float32
      )
      return kernel, self.param(f'{name}_bias', init_bias, (sets, outputs), jnp.float32)

    def heads(name: str) -> tuple[Array, Array]:
      return affine(name, self.hidden, 2 * self.latent, self.pooling.start_logvar)

    # Input channels: [target R | context R | one-hot | prior's hidden L | own hidden L].
    self.posterior_gates = affine(
      'posterior_gates', 2 * self.representation + one_hot + 2 * self.hidden, 4 * self.hidden
    )
    # Output channels: [mean Z | logvar Z].
    self.posterior_heads = heads('posterior_heads')
    # Input channels: [z Z | context R | one-hot | own hidden L].
    self.prior_gates = affine(
      'prior_gates', self.latent + self.representation + one_hot + self.hidden, 4 * self.hidden
    )
    self.prior_heads = heads('prior_heads')

  def sample_posterior(
    self,
    context_ENhwR: Array,
    target_ENhwR: Array,
    noise_NThwZ: Array,
    in_context_EN: Array | None = None,
    in_either_EN: Array | None = None,
    anchor_ThwC: Array | None = None,
    from_prior_N: Array | None = None,
  ) -> Draw:
    """Samples z from the posterior, with the prior beside it at every step.

    Args:
      context_ENhwR: representation of each expert's context.
      target_ENhwR: of its targets.
      noise_NThwZ: standard normal numbers; zeros give the means.
      in_context_EN: whether an expert has a say in the prior; None: all have.
      in_either_EN: the same for the posterior.
      anchor_ThwC: the anchor of a pooling that has one, [mean Z | logvar Z] for each draw step.
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
    given, given_last = self._given(noise_NThwZ, anchor_ThwC)
    loops = len(given.noise)
    prior = self._prior(context_ENhwR, in_context_EN, loops)
    heads_kernel, heads_bias = self.posterior_heads
    heads_kernel = heads_kernel.astype(dtype)
    present = _per_latent(in_either_EN)
    of_prior_hidden = read_by(
      [prior.k_hidden, k_prior_hidden, prior.k_heads], constant, loops + self.informed
    )
    of_hidden = read_by([k_hidden, heads_kernel], constant, loops)

    def update(carry):
      (_, of_prior, _), of_posterior, cell, _ = carry
      return lstm_cell(constant + of_prior + of_posterior, cell)

    def draw(prior_heads, heads, given: _Given) -> Draw:
      experts = _gaussian(heads + _per_channel(heads_bias))
      belief = self.pooling.believe(experts, present, given.anchor)
      of_prior = prior.believe(prior_heads, given)
      z = gaussians.sample(*belief, given.noise)
      if from_prior_N is not None:
        chosen = from_prior_N[:, None, None, None]
        z = jnp.where(chosen, gaussians.sample(*of_prior[0], given.noise), z)
      return Draw(z, *of_prior, belief, experts)

    def step(carry, given: _Given):
      (prior_gates, _, prior_heads), _, _, prior_cell = carry
      hidden, cell = update(carry)
      of_posterior, heads = of_hidden.read(hidden)
      drawn = draw(prior_heads, heads, given)
      prior_hidden, prior_cell = prior.update(prior_gates, drawn.z, prior_cell)
      return (of_prior_hidden.read(prior_hidden), of_posterior, cell, prior_cell), drawn

    # Hidden states start at zero, and nothing reads the last one of the prior: the first step
    # convolves none that is zero, the last one updates no prior.
    of_prior, prior_cell = self._begin(prior, of_prior_hidden)
    carry, draws = jax.lax.scan(
      jax.checkpoint(step) if self.remat else step,
      (of_prior, jnp.zeros_like(constant), jnp.zeros_like(constant[..., :L]), prior_cell),
      given,
    )
    *_, prior_heads = carry[0]
    last = draw(prior_heads, lift(update(carry)[0], heads_kernel), given_last)
    return episodes_first(append(draws, last))

  def sample_prior(
    self,
    context_ENhwR: Array,
    noise_NThwZ: Array,
    in_context_EN: Array | None = None,
    anchor_ThwC: Array | None = None,
  ) -> Draw:
    """Samples z from the prior, the belief given the context; as `sample_posterior`."""
    given, given_last = self._given(noise_NThwZ, anchor_ThwC)
    loops = len(given.noise)
    prior = self._prior(context_ENhwR, in_context_EN, loops)
    of_hidden = read_by([prior.k_hidden, prior.k_heads], prior.constant, loops + self.informed)

    def draw(heads, given: _Given) -> Draw:
      belief, experts = prior.believe(heads, given)
      return Draw(gaussians.sample(*belief, given.noise), belief, experts)

    def step(carry, given: _Given):
      (gates, heads), cell = carry
      drawn = draw(heads, given)
      hidden, cell = prior.update(gates, drawn.z, cell)
      return (of_hidden.read(hidden), cell), drawn

    ((_, heads), _), draws = jax.lax.scan(step, self._begin(prior, of_hidden), given)
    return episodes_first(append(draws, draw(heads, given_last)))

  @property
  def _one_hot(self) -> int:
    return self.variant.one_hot(self.modalities)

  def _given(self, noise_NThwZ: Array, anchor_ThwC: Array | None) -> tuple['_Given', '_Given']:
    """What all draw steps but the last one are given, and what the last one is."""
    anchor = None if anchor_ThwC is None else _gaussian(anchor_ThwC)
    told = None if anchor is None or self.informed else jnp.arange(noise_NThwZ.shape[1]) > 0
    given = _Given(noise_NThwZ.swapaxes(0, 1), anchor, told)
    return jax.tree.map(lambda x: x[:-1], given), jax.tree.map(lambda x: x[-1], given)

  def _begin(self, prior: '_Prior', of_hidden: Readers) -> tuple[tuple[Array, ...], Array]:
    """What the prior's hidden state feeds at the first draw step, and its cell."""
    cell = jnp.zeros_like(prior.constant[..., : self.hidden])
    if not self.informed:
      return of_hidden.of_zero(prior.constant), cell
    hidden, cell = lstm_cell(prior.constant, cell)
    return of_hidden.read(hidden), cell

  def _identity(self, k_id: Array, height: int, width: int) -> Array:
    """What the one-hots contribute, (E, 1, h, w, G), or zero without them."""
    if not self.variant.identify:
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
      ready(k_z, constant[:1] if self.variant.shared else constant, loops),
      k_hidden,
      k_heads.astype(dtype),
      heads_bias,
      _per_latent(in_context_EN),
      self.pooling,
    )


class _Given(NamedTuple):
  """What draw steps are given from outside, T first.

  Attributes:
    noise: (T, N, h, w, Z).
    anchor: of a pooling that has one, (T, h, w, Z).
    told: whether the prior's experts know of their context yet, (T,); None: the pooling treats them
      alike. Precisions of experts that know nothing are not to be added to an anchor's.
  """

  noise: Array
  anchor: Gaussian | None
  told: Array | None


class _Prior(NamedTuple):
  """What the prior needs at each step; its hidden state contributes to its gates and heads."""

  constant: Array
  k_z: list[Kernel]
  k_hidden: Array
  k_heads: Array
  heads_bias: Array
  present: Array | None
  pooling: Pooling

  def believe(self, heads: Array, given: _Given) -> tuple[Gaussian, Gaussian]:
    experts = _gaussian(heads + _per_channel(self.heads_bias))
    present = self.present
    if given.told is not None:
      present = given.told if present is None else present & given.told
    return self.pooling.believe(experts, present, given.anchor), experts

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
