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
  """Questions about models of noise whose posterior is not far from the prior."""
  model = tiny.make_model(variant, (tiny.LEFT, tiny.TOUCH), steps=2, latent=1, **KINDS[variant])
  params = jax.tree.map(lambda x: 0.5 * x, tiny.draw_params(model))
  views = tiny.draw_views(model, SCENES)
  context = np.zeros((SCENES, 2, 4), bool)
  context[1:, 0, 0] = context[2, 1, :2] = True
  target = np.zeros_like(context)
  target[:, 0, 2:] = True
  sets = inference.summarise(model, params, views, np.stack([context, target]))
  truth = Views(
    (views.senses[0][:, 2:], views.senses[1][:, :0]),
    (views.queries[0][:, 2:], views.queries[1][:, :0]),
  )
  posed = inference.Posed(sets.pick(slice(SCENES)), sets.pick(slice(SCENES, None)), truth)
  return noise_space.Question(model, params, posed, inference.Likelihood(std=0.5))


@pytest.mark.parametrize('variant', list(KINDS))
def test_every_proposal_gives_the_same_density(variant):
  question = make_question(variant)
  found = {}
  for proposal in PROPOSALS:
    settings = Annealing(chains=8, temperatures=60, leapfrogs=2, proposal=proposal)
    estimate = jax.jit(functools.partial(noise_space.estimate, question, settings, chunk=8))
    found[proposal], acceptance = estimate(jax.random.key(1))
    assert np.all((acceptance > 0.4) & (acceptance <= 1))
  log_weights = jax.jit(
    lambda key: importance.estimate(
      lambda key: inference.log_importance_weight(
        question.model,
        question.params,
        question.posed,
        sample_noise(question.model, key, SCENES),
        (question.likelihood,),
      )[0],
      key,
      4_000,
      100,
    )
  )
  truth = log_weights(jax.random.key(2))
  assert np.all(truth.effective_samples > 20)
  for proposal, of_proposal in found.items():
    away = of_proposal.log_likelihood - truth.log_likelihood
    assert np.all(np.abs(away) < 0.5), (proposal, away)


@pytest.mark.parametrize('variant', list(KINDS))
@pytest.mark.parametrize('proposal', list(PROPOSALS))
def test_an_exact_start_draws_the_latents_of_which_views_were_imagined(variant, proposal):
  question, noise = noise_space.imagine(make_question(variant), jax.random.key(0))
  start, from_prior = noise_space.exact_start(
    question, noise, PROPOSALS[proposal], jax.random.key(1)
  )
  share = PROPOSALS[proposal]
  assert share == 0.5 or np.all(from_prior == share)
  model, params, posed, _ = question
  everywhere = jnp.ones(SCENES, bool)
  of_prior, _ = sample_posterior_given(
    model, params, posed.context, posed.target, noise, everywhere
  )
  drawn, _ = sample_posterior_given(
    model, params, posed.context, posed.target, noise_space.unflatten(model, start), from_prior
  )
  np.testing.assert_allclose(drawn.z, of_prior.z, rtol=1e-9, atol=1e-9)


def test_the_density_of_imagined_views_is_between_its_bounds_and_they_close():
  question, gaps = make_question('apoe'), []
  for temperatures in (3, 40):
    settings = Annealing(chains=4, temperatures=temperatures, proposal='prior')
    bounds_of = jax.jit(
      functools.partial(noise_space.bounds_of_imagined, question, settings, chunk=4)
    )
    keys = jax.random.split(jax.random.key(0), 60)
    lower, upper = jax.lax.map(bounds_of, keys)
    gaps.append(np.mean(upper - lower))
  assert gaps[0] > 2 * gaps[1] > 0
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

  # 1 / w of the mixture is the mean of 1 / w of both.
  expected = -np.logaddexp(-log_weight(0.0), -log_weight(1.0)) + np.log(2)
  np.testing.assert_allclose(log_weight(0.5), expected, rtol=1e-12)


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
