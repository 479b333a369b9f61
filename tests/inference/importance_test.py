"""The estimator and the calibration, where the truth is known in closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.inference import calibration, importance
from mese_env.errors import UserError
from tests import linear_gaussian

pytestmark = pytest.mark.usefixtures('x64')


def draw_problems(count: int, context_views: int, target_views: int = 4):
  rng = np.random.default_rng(0)
  scenes = linear_gaussian.draw_scenes(rng, count)
  return tuple(linear_gaussian.sense(rng, scenes, n) for n in (context_views, target_views))


@functools.partial(jax.jit, static_argnames=('log_weight', 'samples', 'chunk'))
def estimate(log_weight, key, samples, chunk):
  return importance.estimate(log_weight, key, samples, chunk)


@pytest.mark.long
@pytest.mark.parametrize('context_views', [0, 3])
def test_it_converges_to_the_exact_log_likelihood_from_below(context_views):
  problem = draw_problems(100, context_views)
  log_weight = linear_gaussian.make_log_weight(*problem)
  exact = linear_gaussian.log_likelihood(*problem)
  few, more, many = (
    estimate(log_weight, jax.random.key(samples), samples, 500) for samples in (1, 20, 5_000)
  )
  gaps = [np.mean(exact - found.log_likelihood) for found in (few, more)]
  assert gaps[0] > 2 * gaps[1] > 0
  error_N = 1 / np.sqrt(many.effective_samples)
  assert np.all(np.abs(many.log_likelihood - exact) < 5 * error_N)
  assert abs(np.mean(many.log_likelihood - exact)) < 4 * np.mean(error_N) / np.sqrt(len(exact))
  # One sample's log-weight is an estimate of the lower bound, whose gap is known too.
  np.testing.assert_allclose(many.elbo, linear_gaussian.elbo(*problem), atol=0.1)
  assert np.all(many.effective_samples < 4_500)


def test_the_right_posterior_needs_one_sample_and_every_sample_counts():
  problem = draw_problems(20, 2)
  log_weight = linear_gaussian.make_log_weight(*problem, exact=True)
  exact = linear_gaussian.log_likelihood(*problem)
  for samples in (1, 7):
    found = estimate(log_weight, jax.random.key(0), samples, 3)
    np.testing.assert_allclose(found.log_likelihood, exact, rtol=1e-9)
    np.testing.assert_allclose(found.elbo, exact, rtol=1e-9)
    np.testing.assert_allclose(found.effective_samples, samples, rtol=1e-9)


@pytest.mark.parametrize('chunk', [1, 4, 50])
def test_chunks_change_nothing(chunk):
  log_weight = linear_gaussian.make_log_weight(*draw_problems(5, 1))
  key, samples = jax.random.key(3), 11
  # Far from zero, as the log-likelihood of many pixels is.
  found = estimate(lambda k: log_weight(k) - 1e5, key, samples, chunk)
  log_weights = np.stack([log_weight(jax.random.fold_in(key, k)) for k in range(samples)])
  weights = np.exp(log_weights)
  np.testing.assert_allclose(found.log_likelihood + 1e5, np.log(weights.mean(axis=0)), atol=1e-9)
  np.testing.assert_allclose(found.elbo + 1e5, log_weights.mean(axis=0), atol=1e-9)
  effective = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
  np.testing.assert_allclose(found.effective_samples, effective, rtol=1e-9)


def test_fewer_than_one_sample_are_refused():
  with pytest.raises(UserError, match='samples is 0'):
    importance.estimate(lambda key: jnp.zeros(()), jax.random.key(0), 0, 1)


@pytest.mark.long
def test_memory_bounds_how_many_samples_are_held_at_once():
  numbers, samples = 20_000, 16
  tried = []

  def function(x, chunk):
    tried.append(chunk)

    def log_weight(key):
      # What is sorted is held in memory whole.
      return jnp.sort(jax.random.uniform(key) * x)[0]

    return importance.estimate(log_weight, jax.random.key(0), samples, chunk).log_likelihood

  x = np.random.default_rng(0).standard_normal(numbers)
  roomy = importance.within_memory(function, 1e12, samples)(x)
  assert tried == [samples]
  tight = importance.within_memory(function, 6 * 8 * numbers, samples)
  np.testing.assert_allclose(tight(x), roomy, rtol=1e-12)
  assert 1 <= tried[-1] <= 6
  compilations = len(tried)
  tight(2 * x)
  assert len(tried) == compilations
  with pytest.raises(UserError, match='larger --memory_gib'):
    importance.within_memory(function, 1000, samples)(x)


@pytest.mark.long
@pytest.mark.parametrize('context_views', [0, 2, 5])
def test_intervals_of_the_true_model_hold_their_share(context_views):
  count, levels = 3000, np.array([0.1, 0.5, 0.9])
  context, target = draw_problems(count, context_views, target_views=1)
  predict = linear_gaussian.make_predict(context, target.queries)

  def share(std):
    transform = jax.jit(lambda key: calibration.transform(predict, (target.senses,), std, key, 300))
    u = transform(jax.random.key(4))
    return np.asarray(calibration.coverage(u, levels)).mean(axis=1)

  error = np.sqrt(levels * (1 - levels) / count)
  np.testing.assert_array_less(np.abs(share(linear_gaussian.STD) - levels), 4 * error)
  # A model that is too sure, or not sure enough of what it knows well.
  if context_views == 5:
    assert np.all(share(linear_gaussian.STD / 3) < levels - 4 * error)
    assert np.all(share(linear_gaussian.STD * 3) > levels + 4 * error)


def test_coverage_counts_the_numbers_of_all_modalities_alike():
  u = (np.array([[0.5, 0.99], [0.5, 0.5]]), np.array([[[0.3]], [[0.02]]]))
  found = calibration.coverage(u, np.array([0.2, 0.5, 0.97]))
  np.testing.assert_allclose(found, [[1 / 3, 2 / 3], [2 / 3, 2 / 3], [2 / 3, 1]])
