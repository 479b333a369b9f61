"""Poolings against Bayes' rule, which is known where everything is linear and Gaussian: for every
subset of senses, in the formulas and in the model.

Dims: M = 4 senses, L latents.
"""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.model import POOLINGS, Episodes, Gaussian, Noise, Pooling, Variant, apply
from mese_env.errors import UserError
from tests import tiny
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step

M = 4
SUBSETS = [list(s) for size in range(M + 1) for s in itertools.combinations(range(M), size)]


class Scene:
  """z ~ p0, and of each sense m one view z + noise, of precision J_m."""

  def __init__(self, latents=200):
    rng = np.random.default_rng(0)
    self.mean, self.L0 = rng.standard_normal(latents), rng.uniform(0.5, 2, latents)
    z = self.mean + rng.standard_normal(latents) / np.sqrt(self.L0)
    self.J_M = rng.uniform(0.1, 20, (M, latents))
    self.view_M = z + rng.standard_normal((M, latents)) / np.sqrt(self.J_M)

  def given(self, subset):
    """Mean and precision of p(z | the views of these senses)."""
    precision = self.L0 + self.J_M[subset].sum(axis=0)
    mean = self.L0 * self.mean + (self.J_M * self.view_M)[subset].sum(axis=0)
    return mean / precision, precision

  def pooled(self, name, subset):
    """What a pooling makes of the exact experts: of evidence alone, p(view | z) as a function of z,
    where it is added to an anchor; else of p(z | view), or of p0 where there is no view.
    """
    pooling = dataclasses.replace(POOLINGS[name], mask_absent=True)
    seen_M1 = np.isin(np.arange(M), subset)[:, None]
    mean_M, precision_M = self.view_M, self.J_M
    if name != 'anchored':
      experts = [self.given([m] if m in subset else []) for m in range(M)]
      mean_M, precision_M = (np.stack(part) for part in zip(*experts, strict=True))
    anchor = Gaussian(self.mean, -np.log(self.L0)) if pooling.anchored else None
    present_M1 = pooling.taking_part(seen_M1)
    mean, logvar = pooling.believe(Gaussian(mean_M, -np.log(precision_M)), present_M1, anchor)
    return np.asarray(mean), np.exp(-np.asarray(logvar))


@pytest.mark.parametrize('subset', SUBSETS)
def test_with_an_anchor_a_belief_is_bayes_rule_and_the_product_counts_p0_once_per_expert(
  x64, subset
):
  scene = Scene()
  exact_mean, exact_precision = scene.given(subset)
  mean, precision = scene.pooled('anchored', subset)
  np.testing.assert_allclose(mean, exact_mean, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(precision, exact_precision, rtol=1e-5)
  # Given nothing all experts multiply. The authors add 1e-8 to variances, of up to 1 / 82 here.
  _, precision = scene.pooled('product', subset)
  excess = ((len(subset) or M) - 1) * scene.L0
  np.testing.assert_allclose(precision - exact_precision, excess, atol=1e-3)


@pytest.mark.parametrize('subset', SUBSETS)
def test_of_the_rivals_the_exponents_sum_to_one(x64, subset):
  scene = Scene()
  experts = [scene.given([m]) for m in subset] or [scene.given([])]
  mean_S, precision_S = (np.stack(part) for part in zip(*experts, strict=True))
  # By how much each lowers the entropy of p0, or equally.
  gain_S = np.log(precision_S / scene.L0) if subset else np.ones_like(mean_S)
  for name, weight_S in (('gpoe', gain_S), ('log-opinion', np.ones_like(mean_S))):
    share_S = weight_S * precision_S / weight_S.sum(axis=0)
    mean, precision = scene.pooled(name, subset)
    np.testing.assert_allclose(precision, share_S.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(mean, (share_S * mean_S).sum(axis=0) / precision, atol=1e-5)


@pytest.mark.parametrize('name', ['product', 'anchored', 'gpoe'])
def test_an_expert_that_knows_nothing_changes_nothing(x64, name):
  rng = np.random.default_rng(0)
  mean_E, logvar_E = rng.standard_normal((2, 3, 50))
  mean_E[1], logvar_E[1] = 5, 60
  # Less sure than any of the others.
  anchor = Gaussian(rng.standard_normal(50), np.full(50, 4.0)) if POOLINGS[name].anchored else None
  believe = functools.partial(POOLINGS[name].believe, Gaussian(mean_E, logvar_E), anchor=anchor)
  with_it, without = believe(), believe(present_E=np.array([[True], [False], [True]]))
  # In `gpoe` an exponent of a millionth is left to it.
  np.testing.assert_allclose(with_it, without, rtol=1e-5, atol=1e-5)


GIVEN = [[], [0], [1, 2], [0, 1, 2]]


@functools.lru_cache
def compiled(model, method):
  """What a method of the model draws, from views and which of them are given."""

  def draw(params, views, seen, noise):
    encoded = apply(model, params, views, method='encode')
    return apply(model, params, encoded, seen, noise, method=method)

  return jax.jit(draw)


def drawn(model, method='sample_prior', latents=None, subsets=GIVEN, params=None):
  """The draws of episodes of one scene, each of which is given two views of these modalities."""
  context = np.zeros((len(subsets), 1, len(model.modalities), 4), bool)
  for episode, subset in zip(context, subsets, strict=True):
    episode[0, subset, :2] = True
  seen = Episodes(context, np.zeros_like(context)) if method == 'sample_posterior' else context
  noise = tiny.draw_noise(model, len(subsets)) if latents is None else Noise(latents)
  params = tiny.draw_params(model) if params is None else params
  return compiled(model, method)(params, tiny.draw_views(model, scenes=1), seen, noise)


@pytest.mark.parametrize('name', ['anchored', 'gpoe', 'log-opinion'])
def test_gradients_are_finite_for_sharp_and_for_flat_experts_and_for_none(name):
  rng = np.random.default_rng(0)
  mean_E, logvar_E = rng.standard_normal((3, 100)), rng.uniform(-60, 60, (3, 100))
  # Of experts that are all as sure as the anchor, too.
  logvar_E[:, :10] = 0
  present_E = rng.random((3, 100)) < 0.5
  if POOLINGS[name].anchored:
    anchor = Gaussian(*np.float32(rng.standard_normal((2, 100)) * [[1], [0]]))
  else:
    present_E, anchor = present_E | ~present_E.any(axis=0), None

  def total(experts, anchor):
    return sum(part.sum() for part in POOLINGS[name].believe(experts, present_E, anchor))

  experts = Gaussian(*np.float32([mean_E, logvar_E]))
  assert np.isfinite(jax.tree.leaves(jax.grad(total, 0)(experts, anchor))).all()
  if anchor is not None:
    assert np.isfinite(jax.tree.leaves(jax.grad(total, 1)(experts, anchor))).all()


@pytest.mark.long
@pytest.mark.parametrize('name', ['product', 'anchored'])
def test_before_it_knows_the_context_a_prior_says_the_same_but_for_the_product(x64, name):
  model = tiny.make_model('apoe', pooling=name, mask_absent=True)
  mean_N, logvar_N = (np.asarray(part[:, 0]) for part in drawn(model).prior)
  np.testing.assert_allclose(mean_N, np.broadcast_to(mean_N[0], mean_N.shape), atol=1e-12)
  # The variance of one expert over their number; given nothing, all of them multiply.
  experts = [3, 1, 2, 3] if name == 'product' else [1] * 4
  expected = np.stack([logvar_N[1] - np.log(count) for count in experts])
  np.testing.assert_allclose(logvar_N, expected, atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize(
  ('variant', 'name'), [('apoe', 'product'), ('poe', 'anchored'), ('baseline', 'product')]
)
def test_an_informed_prior_knows_the_context_from_the_first_step_on(x64, variant, name):
  model = tiny.make_model(variant, pooling=name, mask_absent=True, informed=True)
  first_N = np.asarray(drawn(model).prior.mean[:, 0])
  assert np.abs(first_N[1] - first_N[2]).min() > 1e-6


@pytest.mark.long
@pytest.mark.parametrize(('variant', 'informed'), [('apoe', True), ('baseline', False)])
def test_given_nothing_an_anchored_belief_is_the_anchor(x64, variant, informed):
  model = tiny.make_model(variant, pooling='anchored', informed=informed)
  of_nothing = np.concatenate(drawn(model).prior, axis=-1)[0]
  np.testing.assert_allclose(of_nothing, tiny.draw_params(model)['anchor'], atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize(
  ('variant', 'name', 'informed'),
  [
    ('apoe', 'product', True),
    ('apoe', 'anchored', False),
    ('apoe', 'gpoe', False),
    ('poe', 'anchored', True),
    ('baseline', 'log-opinion', True),
  ],
)
def test_prior_and_posterior_have_one_belief_given_the_context(x64, variant, name, informed):
  model = tiny.make_model(variant, pooling=name, mask_absent=True, informed=informed)
  imagined = drawn(model)
  latents = np.zeros_like(imagined.z)
  for _ in range(model.steps):  # Each round, the posterior draws the same z for one step more.
    inferred = drawn(model, 'sample_posterior', latents)
    latents = (imagined.z - inferred.posterior.mean) * np.exp(-0.5 * inferred.posterior.logvar)
  inferred = drawn(model, 'sample_posterior', latents)
  for ours, theirs in ((inferred.z, imagined.z), (inferred.prior, imagined.prior)):
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.long
def test_a_sense_whose_expert_knows_nothing_is_as_good_as_absent(x64):
  model = tiny.make_model('poe', pooling='anchored', informed=True)
  params = tiny.draw_params(model)
  for name in ('prior_heads', 'posterior_heads'):
    params['experts'][f'{name}_kernel'][1] = 0
    params['experts'][f'{name}_bias'][1] = 60
  latents = tiny.draw_noise(model, 1).latents
  for method in ('sample_prior', 'sample_posterior'):
    heard, unheard = (
      drawn(model, method, latents, [subset], params).z for subset in ([0, 1, 2], [0, 2])
    )
    np.testing.assert_allclose(heard, unheard, rtol=1e-9)


def mixture(mean_E, logvar_E, present_E=None):
  """A pooling of one's own: a Gaussian with the moments of the mixture of experts."""
  present_E = jnp.broadcast_to(True if present_E is None else present_E, mean_E.shape)
  average = functools.partial(jnp.mean, axis=0, where=present_E)
  mean = average(mean_E)
  return mean, jnp.log(average(jnp.exp(logvar_E) + mean_E**2) - mean**2)


@pytest.mark.long
@pytest.mark.parametrize(
  ('name', 'fields'),
  [
    ('mixture', {'hierarchical': True}),
    ('anchored', {'informed': True, 'remat': True, 'dtype': 'bfloat16', 'hierarchical': True}),
  ],
)
def test_an_anchored_model_trains_and_so_does_one_with_a_pooling_of_ones_own(
  monkeypatch, name, fields
):
  monkeypatch.setitem(POOLINGS, 'mixture', Pooling('mixture', mixture))
  step, state = tiny_step(tiny_config(pooling=name, learning_rate=1e-2, **fields))
  step, batch, losses = jax.jit(step), random_batch(2), []
  for _ in range(20):
    state, metrics = step(state, batch, RANGES)
    losses.append(float(metrics['loss']))
  assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_a_variant_that_tells_apart_what_differs_already_is_refused():
  with pytest.raises(UserError, match="variant 'named' identifies experts"):
    Variant('named', 'named', shared=False, identify=True)
