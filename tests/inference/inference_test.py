"""What a trained model is asked: noise and temperature, importance weights, features."""

import functools

import jax
import numpy as np
import pytest
import scipy.stats

from gmn_jax import inference
from gmn_jax.model import Episodes, Noise, objective
from gmn_jax.senses import HAPTIC, IMAGE, Views
from tests import tiny

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.long]

MODEL = tiny.make_model('apoe')
CONTEXT = np.array(
  [[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]], bool
)
TARGET = ~CONTEXT
TARGET[:, :, 3] = False  # One view of each is neither.


@pytest.fixture
def params():
  return tiny.draw_params(MODEL)


@pytest.fixture
def views():
  return tiny.draw_views(MODEL)


@functools.lru_cache
def compiled(function, **static):
  return jax.jit(functools.partial(function, MODEL, **static))


def test_at_temperature_zero_every_step_is_its_mean(params, views):
  sample_mean = compiled(inference.sample_prior, temperature=0.0)
  draw = sample_mean(params, views, CONTEXT, jax.random.key(0))
  np.testing.assert_array_equal(draw.z, draw.prior.mean)
  zeros = Noise(np.zeros(MODEL.latents_shape(2)))
  silent = compiled(inference.sample_prior)(params, views, CONTEXT, zeros)
  np.testing.assert_allclose(draw.z, silent.z, rtol=1e-12)


def test_noise_in_place_of_a_key_and_its_temperature(params, views):
  key = jax.random.key(1)
  noise = inference.noise_from(MODEL, key, episodes=2).latents
  sample = compiled(inference.sample_prior, temperature=0.5)
  from_key = sample(params, views, CONTEXT, key)
  from_noise = compiled(inference.sample_prior)(params, views, CONTEXT, Noise(0.5 * noise))
  np.testing.assert_allclose(from_key.z, from_noise.z, rtol=1e-12)
  spread = np.exp(0.5 * from_key.prior.logvar)
  np.testing.assert_allclose((from_key.z - from_key.prior.mean) / spread, 0.5 * noise, rtol=1e-9)
  other = sample(params, views, CONTEXT, jax.random.key(2))
  assert not np.allclose(from_key.z, other.z)


def test_generation_reads_nothing_but_the_context(params, views):
  def hide(m, x):
    shown = CONTEXT[:, m].reshape(2, 4, *(1,) * (x.ndim - 2))
    return np.where(shown, x, 9.0)

  hidden = (tuple(hide(m, x) for m, x in enumerate(part)) for part in views)
  queries = tuple(query[:, :count] for query, count in zip(views.queries, (2, 0, 3), strict=True))
  noise = tiny.draw_noise(MODEL, 2)
  z, means = compiled(inference.generate)(params, views, CONTEXT, queries, noise)
  same_z, same_means = compiled(inference.generate)(params, Views(*hidden), CONTEXT, queries, noise)
  np.testing.assert_allclose(z, same_z, rtol=1e-12)
  assert [mean.shape for mean in means] == [(2, 2, 8, 4, 3), (2, 0, 5), (2, 3, 8, 4, 1)]
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9), means, same_means)


def test_an_importance_weight_is_likelihood_times_prior_over_posterior(params, views):
  std = 0.3
  noises = [tiny.draw_noise(MODEL, 2, seed) for seed in range(3)]
  noise = Noise(np.stack([noise.latents for noise in noises]))
  log_weights_of = compiled(
    inference.log_importance_weights, samples=3, likelihood=inference.Likelihood(std=std)
  )
  log_weights = log_weights_of(params, views, CONTEXT, TARGET, noise)
  assert log_weights.shape == (3, 2)

  @jax.jit
  def run(params, views, noise):
    episodes = Episodes(CONTEXT[None], TARGET[None])
    draw, means = MODEL.apply({'params': params}, views, episodes, noise)
    return draw, objective.terms_of(views, episodes, draw, means)

  sizes = np.array([modality.size for modality in MODEL.modalities])
  for sample in range(3):
    draw, parts = run(params, views, noises[sample])
    prior, posterior = (
      scipy.stats.norm(belief.mean, np.exp(0.5 * belief.logvar)).logpdf(draw.z).sum((1, 2, 3, 4))
      for belief in (draw.prior, draw.posterior)
    )
    likelihood = parts.log_likelihood(sizes, std).sum(axis=1)
    np.testing.assert_allclose(log_weights[sample], likelihood + prior - posterior, rtol=1e-11)


def test_importance_weights_draw_independent_samples_from_a_key(params, views):
  log_weights_of = compiled(inference.log_importance_weights, samples=5)
  log_weights = log_weights_of(params, views, CONTEXT, TARGET, jax.random.key(0))
  assert log_weights.shape == (5, 2)
  assert np.isfinite(log_weights).all()
  assert len(np.unique(log_weights)) == 10


def test_likelihood_scales():
  rng = np.random.default_rng(0)
  sense, mean = rng.random((2, 2, 3, 4, 4, 3))
  bright, bright_mean = sense.max(axis=-1), mean.max(axis=-1)
  touch = rng.random((2, 2, 3, 5))

  def expected(x, y, std=1.0):
    axes = tuple(range(2, x.ndim))
    return scipy.stats.norm(y, std).logpdf(x).sum(axis=axes)

  for likelihood, reference in (
    (inference.Likelihood(), expected(sense, mean)),
    (inference.Likelihood(std=2.0), expected(sense, mean, 2.0)),
    (inference.Likelihood(levels=255), expected(255 * sense, 255 * mean)),
    (inference.Likelihood(gray=True), expected(bright, bright_mean)),
    (inference.Likelihood(levels=255, gray=True), expected(255 * bright, 255 * bright_mean)),
  ):
    np.testing.assert_allclose(likelihood.log_density(IMAGE, sense, mean), reference, rtol=1e-9)
  for likelihood in (inference.Likelihood(), inference.Likelihood(levels=255, gray=True)):
    ours = likelihood.log_density(HAPTIC, *touch)
    np.testing.assert_allclose(ours, expected(*touch), rtol=1e-9)


def test_features_are_sums_over_the_context_and_means_of_the_belief(params, views):
  r, means = compiled(inference.represent)(params, views, CONTEXT)
  encoded = jax.jit(lambda params: MODEL.apply({'params': params}, views, method='encode'))(params)
  for m, modality in enumerate(MODEL.modalities):
    for scene in range(2):
      given = np.asarray(encoded[m])[scene, CONTEXT[scene, m]]
      expected = params[f'initial_{modality.name}'] + given.sum(axis=0)
      np.testing.assert_allclose(r[m, scene], expected, rtol=1e-9, atol=1e-12)
  zeros = Noise(np.zeros(MODEL.latents_shape(2)))
  silent = compiled(inference.sample_prior)(params, views, CONTEXT, zeros)
  np.testing.assert_allclose(means, silent.prior.mean, rtol=1e-12)
