"""Classification by density: the decision, where Bayes' rule is known, and the weights of pairs."""

import functools
import json
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.evaluation.classify_records import Classified, Trust, hits
from experiments.evaluation.contract import Setting
from experiments.evaluation.estimators import importance_weighted
from experiments.evaluation.pairing import Pairing, estimate_pairs
from experiments.modes import classify
from gmn_jax import inference
from gmn_jax.inference import importance
from gmn_jax.senses import IMAGE, Views, cut_scenes
from mese_env.errors import UserError
from tests import linear_gaussian, tiny, tiny_run
from tfds_mese import reading
from tfds_mese.dataset import Dataset

WAYS, DRAWS = 5, 60


def pairs_of(context: linear_gaussian.Sensed, target: linear_gaussian.Sensed):
  """Every target with every context of its draw, (draws * ways * ways, ...)."""

  def pick(sensed, which):
    parts = (x.reshape(DRAWS, WAYS, *x.shape[1:])[:, which] for x in sensed)
    return linear_gaussian.Sensed(*(x.reshape(DRAWS * WAYS**2, *x.shape[2:]) for x in parts))

  each = np.arange(WAYS)
  return pick(context, np.tile(each, WAYS)), pick(target, np.repeat(each, WAYS))


@pytest.mark.long
def test_with_many_samples_the_decision_is_that_of_bayes_rule(x64):
  rng = np.random.default_rng(0)
  scenes = linear_gaussian.draw_scenes(rng, DRAWS * WAYS)
  target = linear_gaussian.sense(rng, scenes, 2)
  accuracies = []
  for views in (1, 6):
    problem = pairs_of(linear_gaussian.sense(rng, scenes, views), target)
    exact = linear_gaussian.log_likelihood(*problem).reshape(DRAWS, WAYS, WAYS)
    log_weight = linear_gaussian.make_log_weight(*problem)
    estimate = jax.jit(functools.partial(importance.estimate, log_weight), static_argnums=(1, 2))
    for bayes, turn in ((exact, lambda x: x), (exact.swapaxes(1, 2), lambda x: x.swapaxes(1, 2))):
      agrees = {}
      for samples in (1, 3_000):
        found = np.asarray(estimate(jax.random.key(1), samples, 100).log_likelihood)
        decided = turn(found.reshape(exact.shape)).argmax(axis=-1)
        agrees[samples] = decided == bayes.argmax(axis=-1)
      assert agrees[1].mean() + 0.03 < agrees[3_000].mean()
      second, first = np.moveaxis(np.sort(bayes, axis=-1)[..., -2:], -1, 0)
      assert np.all(agrees[3_000][first - second > 0.3])
      wins = bayes.argmax(axis=-1) == np.arange(WAYS)
      np.testing.assert_array_equal(hits(bayes, 1), wins)
    accuracies.append([hits(exact, rank).mean() for rank in (1, 2)])
  (few_top1, few_top2), (many_top1, many_top2) = accuracies
  assert 1.5 / WAYS < few_top1 < few_top2 < many_top2
  assert few_top1 < many_top1 < many_top2


def test_ties_are_counted_as_chance():
  np.testing.assert_allclose(hits(np.zeros((2, 4, 4)), 1), 0.25)
  np.testing.assert_allclose(hits(np.zeros((4, 4)), 5), 1)
  log_likelihood = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 0.0], [4.0, 3.0, 1.0]])
  np.testing.assert_allclose(hits(log_likelihood, 1), [1, 0.5, 0])
  np.testing.assert_allclose(hits(log_likelihood, 2), [1, 1, 0])


def test_draws_share_no_scene_while_there_are_fresh_ones():
  scene_DB = classify.draw_scenes(pool=23, draws=7, ways=5, seed=0)
  assert scene_DB.shape == (7, 5)
  assert len(np.unique(scene_DB[:4])) == 20
  assert all(len(set(scenes)) == 5 for scenes in scene_DB.tolist())
  np.testing.assert_array_equal(scene_DB, classify.draw_scenes(23, 7, 5, 0))
  assert not np.array_equal(scene_DB, classify.draw_scenes(23, 7, 5, 1))


@pytest.mark.long
def test_pairs_are_weighed_as_a_scene_of_both_would_be():
  model = tiny.make_model('baseline')
  params = jax.tree.map(jnp.float32, tiny.draw_params(model))
  raw, samples, batch = tiny_run.random_batch(2), 3, 2
  given = ((1, 2, 0), (0, 0, 0))
  likelihood = inference.Likelihood(std=0.3)
  pairing = Pairing(given, IMAGE, held_out=2, together=1, likelihood=likelihood)
  key, estimator = jax.random.key(5), importance_weighted(samples, 'posterior')
  found = jax.jit(
    functools.partial(estimate_pairs, model=model, pairing=pairing, estimator=estimator, chunk=2)
  )(params, raw, tiny_run.RANGES, key)
  assert found['log_likelihood'].shape == (len(given), 2, batch, batch)

  views = cut_scenes(model.modalities, raw, tiny_run.RANGES)
  count = tiny_run.VIEWS
  part, of_target, of_context = (
    x.ravel() for x in np.meshgrid(range(2), range(batch), range(batch), indexing='ij')
  )
  # A pair as a scene of twice the views: first those of the context's scene, then the target's.
  both = Views(
    *(
      tuple(jnp.concatenate([x[of_context], x[of_target]], axis=1) for x in leaves)
      for leaves in views
    )
  )
  target = np.zeros((len(part), 3, 2 * count), bool)
  for n, p in enumerate(part):
    target[n, [0, 2], count + 2 + p] = True
  weigh = jax.jit(
    functools.partial(
      inference.log_importance_weights, model, samples=samples, likelihood=likelihood
    )
  )
  for s, counts in enumerate(given):
    context = np.zeros_like(target)
    for m, n in enumerate(counts):
      context[:, m, :n] = True
    key_s = jax.random.split(key, len(given))[s]
    noise = jax.vmap(
      lambda k, key=key_s: inference.noise_from(model, jax.random.fold_in(key, k), len(part))
    )(jnp.arange(samples))
    log_weights = weigh(params, both, context, target, noise)
    expected = jax.nn.logsumexp(log_weights, axis=0) - np.log(samples)
    np.testing.assert_allclose(found['log_likelihood'][s].ravel(), expected, rtol=1e-4)
    np.testing.assert_allclose(found['elbo'][s].ravel(), log_weights.mean(axis=0), rtol=1e-4)


@pytest.mark.long
def test_it_writes_accuracies_beside_chance_and_bounds(tmp_path, monkeypatch):
  opened = []

  def open_dataset(name, data_dir, fields):
    opened.append(name)
    return tiny_run.random_dataset(3)

  monkeypatch.setattr(reading, 'open_dataset', open_dataset)
  options = classify.Options(
    datasets=('four', 'six'), split='val', views=(0, 2), held_out=2, together=2, draws=2, ways=2,
    estimator='ais', temperatures=4, leapfrogs=1,
  )  # fmt: skip
  classify.MODE.carry_out(tiny_run.random_run(), tmp_path, options, build=False)
  assert opened == ['four', 'six']
  assert {path.name for path in tmp_path.glob('classify.*')} == {
    'classify.json', 'classify.txt', 'classify.png'
  }  # fmt: skip
  written = json.loads((tmp_path / 'classify.json').read_text())
  found = written['results']
  assert found['chance'] == {'top1': 0.5, 'top5': 1.0}
  contexts = {(record['context'], record['views']) for record in found['accuracy']}
  assert contexts == {(senses, n) for senses in ('I', 'H', 'I+H') for n in (0, 2)}
  assert len(found['accuracy']) == 2 * len(contexts)
  of_nothing = [record['elbo'] for record in found['own_context'] if not record['views']]
  assert len(set(of_nothing)) == 1
  assert {(r['context'], r['views']) for r in found['trust']} == contexts
  assert all(r['scatter'] >= 0 and 0 <= r['acceptance'] <= 1 for r in found['trust'])
  assert 'over all pairs of a context' in (tmp_path / 'classify.txt').read_text()


@pytest.mark.parametrize(
  ('estimator', 'scatter', 'sentence'),
  [
    ('iwae', 7.0, 'at most 7.00 nats .*: not below 1 nat.* give --estimator=ais'),
    ('ais', 1.0, 'at most 1.00 nats .*: not below 1 nat.* give more --temperatures'),
    ('iwae', 0.99, 'at most 0.99 nats .*: below 1 nat'),
    ('ais', 0.2, 'at most 0.20 nats .*: below 1 nat'),
  ],
)
def test_it_says_whether_the_estimates_scatter_by_less_than_a_nat(estimator, scatter, sentence):
  run, options = tiny_run.random_run(), classify.Options(datasets=('own',), estimator=estimator)
  dataset = Dataset({'test': [None] * 1_000}, {}, {})
  trust = [Trust('I', 1, 0.1, 0.1), Trust('H', 1, scatter, 0.1)]
  setting = Setting('classify', run, options, {'own': dataset}, pathlib.Path())
  notes = classify.MODE.notes(Classified({}, [], [], trust), setting)
  assert re.search(sentence, ' '.join(notes))


@pytest.mark.parametrize(
  ('fields', 'sentence'),
  [
    ({'samples': 0}, '--samples is 0; it must be at least 1'),
    ({'chains': 0}, '--chains is 0; it must be at least 1'),
    ({'temperatures': 1}, '--temperatures is 1; it must be at least 2'),
    ({'leapfrogs': 0}, '--leapfrogs is 0; it must be at least 1'),
    ({'estimator': 'iwea'}, "no estimator 'iwea'; did you mean 'iwae'"),
    ({'draws': 1}, '--draws is 1; it must be at least 2'),
    ({'held_out': 5, 'together': 2}, 'does not divide the 5 views'),
    ({'views': ()}, '--views is empty'),
  ],
)
def test_options_that_mean_nothing_are_refused(fields, sentence):
  with pytest.raises(UserError, match=sentence):
    classify.Options(**fields)


def test_a_sense_that_the_model_does_not_have_is_refused(tmp_path):
  options = classify.Options(datasets=('own',), target='rgb')
  with pytest.raises(UserError, match="--target is 'rgb'; use one of image, haptic"):
    classify.MODE.evaluate(tiny_run.random_run(), {}, tmp_path, options)
