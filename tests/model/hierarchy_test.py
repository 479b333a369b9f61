"""Representations that are latents themselves (paper Eq. 3), and their limit without variance."""

import functools

import jax
import numpy as np
import pytest

from gmn_jax.model import gaussians, objective
from gmn_jax.model.hierarchy import LatentRepresentation
from tests import tiny

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.long]

CONTEXT = [[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]]
TARGET = [[[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]], [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]]
LATENT = 'latent_representations_'
EPISODES = tiny.make_episodes(CONTEXT, TARGET)


def draw_params(model, seed=0):
  """Of moderate variances."""
  return {
    name: jax.tree.map(lambda x: 0.01 * x, leaf) if name.startswith(LATENT) else leaf
    for name, leaf in tiny.draw_params(model, seed).items()
  }


def without_variance(params):
  """The posterior of every representation equal to its prior, and both of no variance."""

  def flatten(latent):
    zeros = jax.tree.map(np.zeros_like, latent)
    zeros['log_std']['bias'] -= np.inf
    return zeros

  return {name: flatten(leaf) if name.startswith(LATENT) else leaf for name, leaf in params.items()}


@pytest.mark.parametrize('variant', ['apoe', 'poe', 'baseline'])
def test_without_variance_it_is_the_plain_model(variant):
  model = tiny.make_model(variant, hierarchical=True)
  plain = tiny.make_model(variant)
  params, views, noise = draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 2)

  @functools.partial(jax.jit, static_argnums=0)
  def run(model, params, noise):
    return objective.elbo_terms(model, params, views, EPISODES, noise)

  expected = run(
    plain, {name: params[name] for name in params if not name.startswith(LATENT)}, noise
  )
  parts = run(model, without_variance(params), noise)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12), parts, expected)
  # With variance it is not.
  parts = run(model, params, noise)
  assert np.all(parts.representation_kl > 0)
  assert not np.allclose(parts.squared_error, expected.squared_error, rtol=1e-3)


def test_divergence_and_weight_are_those_of_the_sampled_gaussians():
  latent = LatentRepresentation(features=4)
  rng = np.random.default_rng(0)
  context, target = rng.standard_normal((2, 3, 2, 2, 4))
  params = latent.init(jax.random.key(0), context, target, context, method='sample_posterior')
  infer = functools.partial(latent.apply, params, context, target, method='sample_posterior')
  imagine = functools.partial(latent.apply, params, context, method='sample_prior')

  def belief(sample):
    """Mean and log-variance, from what noise of zero and of one becomes."""
    mean = sample(np.zeros_like(context))
    return mean, 2 * np.log(sample(np.ones_like(context)) - mean)

  posterior, prior = belief(lambda noise: infer(noise)[0]), belief(imagine)
  expected = gaussians.divergence(*posterior, *prior).sum(axis=(1, 2, 3))
  assert np.all(expected > 0)
  r, divergence, log_weight, _ = infer(context)
  np.testing.assert_allclose(divergence, expected, rtol=1e-9)
  log_ratio = gaussians.log_density(r, *prior) - gaussians.log_density(r, *posterior)
  np.testing.assert_allclose(log_weight, log_ratio.sum(axis=(1, 2, 3)), rtol=1e-9)


@pytest.mark.parametrize('size', [1, 1e3, 1e6])
def test_representations_and_gradients_are_finite_whatever_the_sums_are(size):
  latent = LatentRepresentation(features=8)
  numbers = np.random.default_rng(0).standard_normal((3, 5, 2, 2, 8))
  context, target, noise = jax.tree.map(np.float32, [size * numbers[0], *numbers[1:]])
  params = latent.init(jax.random.key(0), context, target, noise, method='sample_posterior')

  def total(params, context, target):
    given = functools.partial(latent.apply, params, context)
    r, divergence, *_ = given(target, noise, method='sample_posterior')
    return r.sum() + divergence.sum() + given(noise, method='sample_prior').sum()

  found = jax.value_and_grad(total, (0, 1, 2))(params, context, target)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


def test_the_divergence_of_absent_modalities_does_not_count():
  model = tiny.make_model('apoe', hierarchical=True)
  params, views, noise = draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 2)

  @jax.jit
  def run(params):
    return objective.elbo_terms(model, params, views, EPISODES, noise).representation_kl

  # The third modality is absent from the first scene, and present in the second.
  name = LATENT + 'right'
  other = params | {name: draw_params(model, seed=1)[name]}
  before, after = run(params), run(other)
  np.testing.assert_allclose(before[0], after[0], rtol=1e-12)
  assert not np.isclose(before[1], after[1], rtol=1e-3)
