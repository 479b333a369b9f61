"""Where to sense next: what is known in closed form, and what a trained model would learn."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import gmn_jax
from gmn_jax import inference
from gmn_jax.inference import active, calibration
from gmn_jax.senses import embed_query
from gmn_jax.senses.query import QUERY_SIZE
from mese_env import poses
from mese_env.errors import UserError
from tests import linear_gaussian, tiny

QUERIES, VIEWS, TARGETS = 4, 3, 2
MODEL = tiny.make_model('apoe')
KINDS = ((0, 2), (1,))


def toy():
  """The covariance of z given some views, loadings (Q, V, Z) of candidates, (W, Z) of targets."""
  rng = np.random.default_rng(0)
  seen = linear_gaussian.sense(rng, linear_gaussian.draw_scenes(rng, 1), 1)
  _, (covariance,) = linear_gaussian.belief(seen)
  candidates = rng.standard_normal((QUERIES, VIEWS, linear_gaussian.Z))
  return covariance, candidates, rng.standard_normal((TARGETS, linear_gaussian.Z))


def few(covariance):
  """Samples (2 Z, Z) whose covariance is exactly this."""
  root = np.linalg.cholesky(covariance) * np.sqrt(len(covariance))
  return np.concatenate([root.T, -root.T])


def many(covariance):
  return np.random.default_rng(1).multivariate_normal(np.zeros(3), covariance, 400)


@pytest.mark.parametrize(('draw', 'rtol'), [(few, 1e-5), (many, 0.2)])
def test_scores_are_those_known_in_closed_form(x64, draw, rtol):
  covariance, candidates_QVZ, target_WZ = toy()
  z_KZ = draw(covariance)
  predicted = np.einsum('qvz,kz->kqv', candidates_QVZ, z_KZ) / linear_gaussian.STD
  told = active.information(predicted)
  fall = active.fall_of_variance(predicted, z_KZ @ target_WZ.T)
  for q, loading in enumerate(candidates_QVZ):
    precision = np.linalg.inv(covariance) + loading.T @ loading / linear_gaussian.STD**2
    after = np.linalg.inv(precision)
    information = 0.5 * (np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(after)[1])
    np.testing.assert_allclose(told[q], information, rtol=rtol)
    expected = np.trace(target_WZ @ (covariance - after) @ target_WZ.T)
    np.testing.assert_allclose(fall[q], expected, rtol=rtol)


def choice(seed=0, sizes=(5, 4), targets=3):
  rng = np.random.default_rng(seed)

  def draw(count):
    return jnp.asarray(rng.standard_normal((count, QUERY_SIZE)), jnp.float32)

  std = tuple(jnp.asarray(rng.uniform(0.1, 0.3, m.shape[-1:])) for m in MODEL.modalities)
  return active.Choice(tuple(map(draw, sizes)), tuple(draw(targets) for _ in std), std)


def seen(seed=0):
  rng = np.random.default_rng(seed)
  sums = tuple(rng.random((1, *MODEL.grid, 4 * MODEL.width), np.float32) for _ in MODEL.modalities)
  return inference.Seen(sums, np.ones((1, len(sums)), bool))


PARAMS = jax.tree.map(np.float32, tiny.draw_params(MODEL))


def weigh(score, kinds=KINDS, asked=None, of=0):
  key = jax.random.key(3)
  return active.weigh(MODEL, score, kinds, 6, PARAMS, seen(of), asked or choice(), key)


@pytest.mark.long
@pytest.mark.parametrize('score', active.SCORES.values(), ids=active.SCORES)
def test_kinds_are_weighed_together_as_alone_and_compiled_once(score):
  both = weigh(score)
  assert [len(of_kind) for of_kind in both] == [5, 4]
  assert all((np.asarray(of_kind) > 0).all() for of_kind in both)
  compiled = active.weigh._cache_size()
  other = weigh(score, asked=choice(seed=1), of=2)
  assert active.weigh._cache_size() == compiled
  assert not np.allclose(other[0], both[0])
  if score is not active.KL:  # Its outcomes are other ones.
    (alone,) = weigh(score, KINDS[1:], choice()._replace(queries=choice().queries[1:]))
    np.testing.assert_allclose(alone, both[1], rtol=1e-3)


@pytest.mark.long
def test_the_goal_weighs_senses_alike_however_many_numbers_they_have():
  asked = choice()
  alone = [
    weigh(active.GOAL, asked=asked._replace(
      targets=tuple(q if m in kind else q[:0] for m, q in enumerate(asked.targets))
    ))[0]
    for kind in KINDS
  ]  # fmt: skip
  np.testing.assert_allclose(weigh(active.GOAL)[0], np.mean(alone, axis=0), rtol=1e-4)


def test_the_best_is_by_price_and_none_that_is_excluded():
  gains = [np.array([1.0, 3.0]), np.array([4.0, -np.inf])]
  assert active.best(gains, [1, 1]) == (1, 0)
  assert active.best(gains, [1, 2]) == (0, 1)
  # A loss is the worse, the dearer.
  assert active.best([np.array([-1.0]), np.array([-1.0])], [3, 2]) == (1, 0)
  with pytest.raises(UserError, match='a price is 0; give a number above 0'):
    active.best(gains, [1, 0])


@pytest.mark.long
def test_the_gaussian_score_ranks_as_imagined_outcomes_do():
  run = gmn_jax.load('apoe-small').run
  rng = np.random.default_rng(0)
  count, parts = 12, len(run.model.modalities)
  grid = (*run.model.grid, 4 * run.model.width)
  nothing = inference.Seen((jnp.zeros((1, *grid)),) * parts, jnp.zeros((1, parts), bool))
  for kind, place in (((0,), poses.camera_pose), ((1,), poses.wrist_pose)):
    at = np.stack([poses.query(place(*poses.sample_angles(rng))) for _ in range(count)])
    asked = active.Choice(
      (embed_query(at),), (jnp.zeros((0, QUERY_SIZE)),) * parts, (jnp.full(1, 0.1),) * parts
    )
    gaussian, kl = (
      np.asarray(active.weigh(
        run.model, score, (kind,), 8, run.params, nothing, asked, jax.random.key(0)
      )[0])
      for score in (active.GAUSSIAN, active.KL)
    )  # fmt: skip
    assert scipy.stats.spearmanr(gaussian, kl).statistic > 0.3


def test_the_noise_of_each_channel_is_what_the_samples_do_not_explain():
  rng = np.random.default_rng(0)
  std_C, spread, samples = np.array([0.1, 0.2, 0.4]), 0.3, 5
  scenes = rng.standard_normal((40_000, 1, 3)).astype(np.float32)
  # The truth is one more sample, and noise.
  truth = spread * scenes + std_C * rng.standard_normal(scenes.shape)

  def predict(key, spread=spread):
    return (spread * jax.random.normal(key, scenes.shape),)

  (found,) = calibration.noise(predict, (np.float32(truth),), jax.random.key(0), samples)
  np.testing.assert_allclose(found, std_C, rtol=0.15)
  # Of a belief that is too sure, what it lacks is noise; of one that never errs, little is left.
  sure = functools.partial(predict, spread=0.0)
  (found,) = calibration.noise(sure, (np.float32(truth),), jax.random.key(0), samples)
  np.testing.assert_allclose(found, np.hypot(std_C, spread), rtol=0.1)
  still = np.float32(truth) * np.array([1, 1, 0], np.float32)
  (found,) = calibration.noise(sure, (still,), jax.random.key(0), samples)
  np.testing.assert_allclose(found[2], 0.1 * np.sqrt(np.mean(still**2)), rtol=1e-3)
