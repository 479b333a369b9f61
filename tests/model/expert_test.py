"""The experts: how they are compiled, and what happens at their extremes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.model import POOLINGS, VARIANTS, gaussians
from gmn_jax.model.experts import Experts

pytestmark = pytest.mark.long

EPISODES, STEPS, GRID, REPRESENTATION, HIDDEN, LATENT = 2, 3, (3, 2), 4, 3, 2


def make_experts(variant, modalities, pooling='product'):
  return Experts(
    variant=VARIANTS[variant],
    pooling=POOLINGS[pooling],
    modalities=modalities,
    representation=REPRESENTATION,
    hidden=HIDDEN,
    latent=LATENT,
  )


def draw_inputs(modalities, dtype=np.float32):
  """Context, target, noise."""
  rng = np.random.default_rng(0)
  context, target = rng.standard_normal((2, modalities, EPISODES, *GRID, REPRESENTATION))
  noise = rng.standard_normal((EPISODES, STEPS, *GRID, LATENT))
  return jnp.asarray(context, dtype), jnp.asarray(target, dtype), jnp.asarray(noise, np.float32)


def loss_of(experts, params, inputs, *options):
  draw = experts.apply({'params': params}, *inputs, *options, method='sample_posterior')
  kl = gaussians.divergence(*draw.posterior, *draw.prior)
  return kl.sum() + draw.z.sum(), draw


def draw_params(experts, inputs):
  shapes = jax.eval_shape(
    lambda: experts.init(jax.random.key(0), *inputs, method='sample_posterior')['params']
  )
  rng = np.random.default_rng(1)
  return jax.tree.map(lambda leaf: 0.1 * rng.standard_normal(leaf.shape, np.float32), shapes)


def convolutions_of_a_gradient(variant, modalities):
  """The convolutions in the program, as the compiler receives them and as it leaves them."""
  experts, inputs = make_experts(variant, modalities), draw_inputs(modalities)
  gradient = jax.grad(lambda params, inputs: loss_of(experts, params, inputs)[0], (0, 1))
  lowered = jax.jit(gradient).lower(draw_params(experts, inputs), inputs)
  received = lowered.compiler_ir('hlo').as_hlo_text()
  return [
    [line for line in program.splitlines() if ' convolution(' in line]
    for program in (received, lowered.compile().as_text())
  ]


def test_amortised_experts_are_one_batched_convolution_whatever_their_number():
  for two, fourteen in zip(
    convolutions_of_a_gradient('apoe', 2), convolutions_of_a_gradient('apoe', 14), strict=True
  ):
    assert len(two) == len(fourteen) > 0
    assert not any('feature_group_count' in line for line in two + fourteen)


def test_experts_of_their_own_are_no_grouped_convolution():
  for convolutions in convolutions_of_a_gradient('poe', 3):
    assert len(convolutions) > 0
    assert not any('feature_group_count' in line for line in convolutions)


@pytest.mark.parametrize('variant', ['apoe', 'poe'])
def test_the_product_over_one_modality_is_its_expert(variant):
  experts, inputs = make_experts(variant, 1), draw_inputs(1)
  run = jax.jit(lambda params: loss_of(experts, params, inputs)[1])
  draw = run(draw_params(experts, inputs))
  for belief, of_experts in (
    (draw.prior, draw.prior_experts), (draw.posterior, draw.posterior_experts)
  ):  # fmt: skip
    np.testing.assert_array_equal(belief.mean, of_experts.mean[:, :, 0])
    np.testing.assert_array_equal(belief.logvar, of_experts.logvar[:, :, 0])


@pytest.mark.parametrize(
  ('pooling', 'dtype'),
  [
    ('product', jnp.float32),
    ('product', jnp.bfloat16),
    ('anchored', jnp.bfloat16),
  ],
)
def test_sharp_and_flat_experts_stay_finite(pooling, dtype):
  experts, inputs = make_experts('poe', 3, pooling), draw_inputs(3, dtype)
  anchored = experts.pooling.anchored
  anchor = np.zeros((STEPS, *GRID, 2 * LATENT), np.float32) if anchored else None

  @jax.jit
  def run(params, *present):
    return jax.value_and_grad(
      lambda params, anchor: loss_of(experts, params, inputs, *present, anchor),
      argnums=(0, 1) if anchored else 0,
      has_aux=True,
    )(params, anchor)

  everyone = np.ones((3, EPISODES), bool)
  # With an anchor, there may be an episode that gives nothing.
  some = np.array([[True, False], [False, False], [True, not anchored]])
  for logvar in (-60, 60):
    params = draw_params(experts, inputs)
    # The prior's experts are all as sharp, or as flat; of the posterior's, only the first.
    params['prior_heads_bias'][:, LATENT:] = logvar
    params['posterior_heads_bias'][0, LATENT:] = logvar
    for present in (everyone, some):
      (loss, draw), gradient = run(params, present, present)
      assert np.abs(draw.prior_experts.logvar).min() > 50
      for leaf in jax.tree.leaves((loss, draw, gradient)):
        assert np.isfinite(leaf).all()
