"""Annealing, where the truth is known in closed form and exact samples of the posterior too."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.inference import annealing, importance
from mese_env.errors import UserError
from tests import linear_gaussian

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.long]


def draw_problem(count: int, context_views: int, target_views: int):
  rng = np.random.default_rng(0)
  scenes = linear_gaussian.draw_scenes(rng, count)
  return tuple(linear_gaussian.sense(rng, scenes, n) for n in (context_views, target_views))


def proposal_of(problem, name: str):
  """The prior, or a posterior that is shifted and too wide."""
  context, target = problem
  return {
    'prior': linear_gaussian.belief(context),
    'posterior': linear_gaussian.proposal(context, target, exact=False),
  }[name]


def exact_noise(problem, proposal, count: int) -> np.ndarray:
  """Noise (count, N, Z) from which the proposal draws samples of the true posterior."""
  mean, covariance = linear_gaussian.belief(*problem)
  rng = np.random.default_rng(1)
  away = np.einsum(
    'nyz,knz->kny', np.linalg.cholesky(covariance), rng.standard_normal((count, *mean.shape))
  )
  return np.stack([linear_gaussian.noise_of(proposal, mean + x) for x in away])


@functools.partial(jax.jit, static_argnames=('log_weight', 'chains', 'temperatures', 'leapfrogs'))
def both_ways(log_weight, exact_KNZ, key, chains, temperatures, leapfrogs):
  """Chains from noise, and back from exact samples, (K, N) each."""
  key_pilot, key_start, key_forth, key_back = jax.random.split(key, 4)
  shape = exact_KNZ.shape[1:]
  start = jax.random.normal(key_pilot, shape)
  path = annealing.adapt(log_weight, start, key_pilot, temperatures, leapfrogs)
  start_KNZ = jax.random.normal(key_start, (chains, *shape))

  def run(path, start_KNZ, key):
    keys = jax.random.split(key, chains)
    return jax.vmap(lambda start, key: annealing.anneal(log_weight, start, path, key))(
      start_KNZ, keys
    )

  return run(path, start_KNZ, key_forth), run(path.reverse(), exact_KNZ, key_back)


def run(problem, name='posterior', chains=1, temperatures=400, leapfrogs=3):
  proposal = proposal_of(problem, name)
  log_weight = linear_gaussian.make_log_weight_of_noise(*problem, proposal)
  exact_KNZ = exact_noise(problem, proposal, chains)
  return both_ways(log_weight, exact_KNZ, jax.random.key(2), chains, temperatures, leapfrogs)


# From the prior, which knows nothing of a hundred views, the way is longer.
@pytest.mark.parametrize(
  ('name', 'temperatures', 'mean', 'most'), [('posterior', 400, 0.5, 1), ('prior', 1500, 1, 4)]
)
def test_it_is_right_to_a_nat_where_independent_samples_are_far_off(name, temperatures, mean, most):
  problem = draw_problem(50, context_views=0, target_views=100)
  truth = linear_gaussian.log_likelihood(*problem)
  forth, back = run(problem, name, chains=2, temperatures=temperatures)
  lower, upper = annealing.lower_bound(forth), annealing.upper_bound(back)
  for bound in (lower.log_likelihood, upper):
    assert np.mean(np.abs(bound - truth)) < mean and np.max(np.abs(bound - truth)) < most
  for chains in (forth, back):
    assert 0.5 < np.mean(chains.acceptance) < 0.97
  log_weight = linear_gaussian.make_log_weight_of_noise(*problem, proposal_of(problem, name))
  independent = jax.jit(
    lambda key: importance.estimate(
      lambda key: log_weight(jax.random.normal(key, (50, linear_gaussian.Z))), key, 50, 50
    )
  )(jax.random.key(0))
  assert np.mean(truth - independent.log_likelihood) > 5
  # What half of the chains say scatters as much as said.
  assert np.sqrt(np.mean(lower.scatter**2)) < most
  assert np.sqrt(np.mean(independent.scatter**2)) > 0.5


def test_weights_are_right_in_expectation_and_their_logarithms_on_either_side():
  problem = draw_problem(4, context_views=1, target_views=3)
  truth, chains = linear_gaussian.log_likelihood(*problem), 2_000
  gaps = []
  for temperatures in (4, 12):
    forth, back = run(problem, chains=chains, temperatures=temperatures)
    for log_weight in (forth.log_weight - truth, truth - back.log_weight):
      weight = np.exp(log_weight)
      error = weight.std(axis=0) / np.sqrt(chains)
      assert np.all(error < 0.2) and np.all(np.abs(weight.mean(axis=0) - 1) < 4 * error)
    sides = forth.log_weight - truth, back.log_weight - truth
    below, above = (x.mean(axis=0) for x in sides)
    errors = [x.std(axis=0) / np.sqrt(chains) for x in sides]
    assert np.all(below < -2 * errors[0]) and np.all(above > 2 * errors[1])
    gaps.append(above - below)
  assert np.all(gaps[1] < 0.7 * gaps[0])


def test_steps_adapt_to_how_narrow_the_posterior_is():
  precision_N = jnp.array([1.0, 100.0, 10_000.0])

  def log_weight(noise_ND):
    return -0.5 * precision_N * jnp.sum(noise_ND**2, axis=1)

  @jax.jit
  def adapt_and_run(key):
    start = jax.random.normal(key, (3, 10))
    path = annealing.adapt(log_weight, start, key, 400, 2)
    return path.steps_TN, annealing.anneal(log_weight, start, path, key).acceptance

  steps_TN, acceptance_N = adapt_and_run(jax.random.key(0))
  assert np.all((acceptance_N > 0.4) & (acceptance_N < 0.97))
  last = steps_TN[-10:].mean(axis=0)
  assert last[0] > 3 * last[1] > 9 * last[2]


def test_two_temperatures_are_independent_samples():
  problem = draw_problem(5, 1, 2)
  forth, back = run(problem, temperatures=2, chains=3)
  np.testing.assert_allclose(forth.log_weight, forth.first, rtol=1e-12)
  np.testing.assert_allclose(back.log_weight, back.first, rtol=1e-12)
  found = annealing.lower_bound(forth)
  np.testing.assert_allclose(
    found.log_likelihood, jax.nn.logsumexp(forth.first, axis=0) - np.log(3), rtol=1e-12
  )
  np.testing.assert_allclose(found.elbo, np.mean(forth.first, axis=0), rtol=1e-12)
  assert np.all((found.effective_samples >= 1) & (found.effective_samples <= 3))


def test_what_is_not_finite_is_left():
  """A weight that is nothing beyond a wall: chains stay on this side of it."""

  def log_weight(noise_ND):
    x = noise_ND[:, 0]
    return jnp.where(x < 1, -0.5 * x**2, -jnp.inf)

  start = jnp.zeros((8, 1))
  path = annealing.adapt(log_weight, start, jax.random.key(0), 50, 2)
  chain = annealing.anneal(log_weight, start, path, jax.random.key(1))
  assert np.isfinite(chain.log_weight).all()
  assert np.all(chain.acceptance < 1)


@pytest.mark.parametrize(
  ('settings', 'sentence'),
  [
    ({'chains': 0}, 'chains is 0; give at least 1'),
    ({'temperatures': 1}, 'temperatures is 1; give at least 2'),
    ({'leapfrogs': 0}, 'leapfrogs is 0; give at least 1'),
  ],
)
def test_what_no_estimate_can_be_made_of_is_refused(settings, sentence):
  with pytest.raises(UserError, match=sentence):
    annealing.require(**{'chains': 1, 'temperatures': 2, 'leapfrogs': 1, **settings})
