"""Densities annealed in the space of the noise: the same whatever the proposal and the model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax import inference
from gmn_jax.inference import importance, noise_space
from gmn_jax.inference.density import sample_posterior_given
from gmn_jax.inference.noise_space import PROPOSALS, Annealing
from gmn_jax.model import sample_noise
from gmn_jax.senses import Views
from mese_env.errors import UserError
from tests import tiny

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.long]

SCENES = 3
KINDS = {
  'apoe': {'mask_absent': True},
  'baseline': {},
  'poe': {'hierarchical': True, 'mask_absent': True},
}


@functools.cache
def make_question(variant: str) -> noise_space.Question:
  """Questions about models of noise."""
  model = tiny.make_model(variant, (tiny.LEFT, tiny.TOUCH), steps=2, latent=1, **KINDS[variant])
  # A quarter, so that the posterior is not far from the prior: else the reference, thousands of
  # independent samples, tells no density.
  params = jax.tree.map(lambda x: 0.25 * x, tiny.draw_params(model))
  views = tiny.draw_views(model, SCENES)
  context = np.zeros((SCENES, 2, 4), bool)
  context[1:, 0, 0] = context[2, 1, :2] = True
  target = np.zeros_like(context)
  target[:, 0, 2:] = True
  summarise = jax.jit(functools.partial(inference.summarise, model))
  sets = summarise(params, views, np.stack([context, target]))
  truth = Views(
    (views.senses[0][:, 2:], views.senses[1][:, :0]),
    (views.queries[0][:, 2:], views.queries[1][:, :0]),
  )
  posed = inference.Posed(sets.pick(slice(SCENES)), sets.pick(slice(SCENES, None)), truth)
  return noise_space.Question(model, params, posed, inference.Likelihood(std=0.5))


@pytest.mark.parametrize(('variant', 'proposal'), [('apoe', 'prior'), ('poe', 'mixture')])
def test_any_proposal_gives_the_density_that_many_samples_give(variant, proposal):
  question = make_question(variant)
  settings = Annealing(chains=8, temperatures=60, leapfrogs=2, proposal=proposal)
  found, acceptance = jax.jit(functools.partial(noise_space.estimate, question, settings, chunk=8))(
    jax.random.key(1)
  )
  assert np.all((acceptance > 0.4) & (acceptance <= 1))

  def log_weight(key):
    noise = sample_noise(question.model, key, SCENES)
    return inference.log_importance_weight(
      question.model, question.params, question.posed, noise, (question.likelihood,)
    )[0]

  many = jax.jit(lambda key: importance.estimate(log_weight, key, 2_000, 100))(jax.random.key(2))
  assert np.all(many.effective_samples > 20)
  np.testing.assert_allclose(found.log_likelihood, many.log_likelihood, atol=0.5)


@pytest.mark.parametrize(('variant', 'proposal'), [('baseline', 'posterior'), ('poe', 'mixture')])
def test_an_exact_start_draws_the_latents_of_which_views_were_imagined(variant, proposal):
  share = PROPOSALS[proposal]

  @jax.jit
  def latents(key):
    question, noise = noise_space.imagine(make_question(variant), key)
    start, from_prior = noise_space.exact_start(question, noise, share, key)
    model, params, posed, _ = question
    everywhere = jnp.ones(SCENES, bool)
    given = posed.context, posed.target
    of_prior, _ = sample_posterior_given(model, params, *given, noise, everywhere)
    own = noise_space.unflatten(model, start)
    drawn, _ = sample_posterior_given(model, params, *given, own, from_prior)
    return drawn.z, of_prior.z, from_prior

  parts = set()
  for seed in range(4):
    drawn, of_prior, from_prior = latents(jax.random.key(seed))
    np.testing.assert_allclose(drawn, of_prior, rtol=1e-9, atol=1e-9)
    parts |= set(from_prior.tolist())
  assert parts == ({False} if share == 0 else {False, True})


def test_the_density_of_imagined_views_is_between_its_bounds():
  question = make_question('apoe')
  settings = Annealing(chains=2, temperatures=12)
  bounds_of = functools.partial(noise_space.bounds_of_imagined, question, settings, chunk=2)
  keys = jax.random.split(jax.random.key(0), 100)
  lower, upper = jax.jit(lambda keys: jax.lax.map(bounds_of, keys))(keys)
  gap = np.asarray(upper - lower).ravel()
  assert np.mean(gap) - 2 * np.std(gap) / np.sqrt(gap.size) > 0 and np.mean(gap) < 2
  with pytest.raises(UserError, match='views are imagined as they are sensed'):
    gray = question._replace(likelihood=inference.Likelihood(gray=True))
    noise_space.bounds_of_imagined(gray, settings, jax.random.key(0), 1)


def test_the_mixture_weighs_by_the_density_of_both():
  question = make_question('apoe')
  noise = sample_noise(question.model, jax.random.key(3), SCENES)
  from_prior = np.array([True, False, True])

  def log_weight(share):
    return inference.log_importance_weight(
      question.model,
      question.params,
      question.posed,
      noise,
      (question.likelihood,),
      prior_share=share,
      from_prior_N=from_prior,
    )[0]

  of_posterior, of_prior, of_mixture = jax.jit(lambda: [log_weight(x) for x in (0.0, 1.0, 0.5)])()
  # 1 / w of the mixture is the mean of 1 / w of both.
  expected = -np.logaddexp(-of_posterior, -of_prior) + np.log(2)
  np.testing.assert_allclose(of_mixture, expected, rtol=1e-12)


@pytest.mark.parametrize(
  ('settings', 'sentence'),
  [
    ({'chains': 0}, 'chains is 0'),
    ({'temperatures': 1}, 'temperatures is 1'),
    ({'proposal': 'postrior'}, "no proposal 'postrior'; did you mean 'posterior'"),
  ],
)
def test_settings_that_mean_nothing_are_refused(settings, sentence):
  with pytest.raises(UserError, match=sentence):
    Annealing(**{'chains': 1, 'temperatures': 2, **settings})
