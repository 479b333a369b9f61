"""Densities across the senses: what is measured, beside which baselines, and where it resumes."""

import dataclasses
import functools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.evaluation import blocks
from experiments.evaluation.density_records import has_two_bounds, targets_of
from experiments.evaluation.estimators import importance_weighted
from experiments.evaluation.held_out import Question, estimate_density
from experiments.modes import density
from gmn_jax import inference
from gmn_jax.senses import IMAGE, cut_scenes
from mese_env.errors import UserError
from tests import tiny, tiny_run

pytestmark = pytest.mark.long

OPTIONS = density.Options(
  images=(0, 1), grasps=(0, 2), held_out=2, samples=2, scenes=3, split='val', train_scenes=4,
  batch=2, estimator='iwae',
)  # fmt: skip


def test_contexts_are_weighed_as_each_would_be_by_itself():
  model = tiny.make_model('apoe', mask_absent=True)
  params = jax.tree.map(jnp.float32, tiny.draw_params(model))
  raw, samples, batch = tiny_run.random_batch(2), 3, 2
  given, likelihood = ((1, 2, 1), (0, 1, 0), (0, 0, 0)), inference.Likelihood(std=0.3)
  key = jax.random.key(5)
  found = jax.jit(
    functools.partial(
      estimate_density,
      model=model,
      question=Question(given, IMAGE, 2, (likelihood,)),
      estimator=importance_weighted(samples, 'posterior'),
      chunk=2,
    )
  )(params, raw, tiny_run.RANGES, key)
  views = jax.tree.map(
    lambda x: jnp.tile(x, (len(given), *(1,) * (x.ndim - 1))),
    cut_scenes(model.modalities, raw, tiny_run.RANGES),
  )
  context = np.zeros((len(given) * batch, 3, tiny_run.VIEWS), bool)
  target = np.zeros_like(context)
  target[:, [0, 2], -2:] = True
  for s, counts in enumerate(given):
    for m, n in enumerate(counts):
      context[s * batch : (s + 1) * batch, m, :n] = True
  noise = jax.vmap(lambda k: inference.noise_from(model, jax.random.fold_in(key, k), len(context)))(
    jnp.arange(samples)
  )
  log_weights = jax.jit(
    functools.partial(
      inference.log_importance_weights, model, samples=samples, likelihood=likelihood
    )
  )(params, views, context, target, noise)
  expected = jax.nn.logsumexp(log_weights, axis=0) - np.log(samples)
  np.testing.assert_allclose(found['log_likelihood'].ravel(), expected, rtol=1e-4)


@pytest.fixture(scope='module')
def evaluated(tmp_path_factory):
  """The folder of an evaluation that was stopped in its second block and then went on, and the
  blocks that were computed.
  """
  run, dataset = tiny_run.random_run(), tiny_run.random_dataset()
  workdir, computed = tmp_path_factory.mktemp('run'), []
  in_blocks = blocks.in_blocks

  def stopped_once(folder, count, compute):
    def spy(number):
      computed.append(number)
      if computed == [0, 1]:
        raise KeyboardInterrupt
      return compute(number)

    with pytest.raises(KeyboardInterrupt):
      in_blocks(folder, count, spy)
    return in_blocks(folder, count, spy)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(blocks, 'in_blocks', stopped_once)
    density.MODE.evaluate(run, {'tiny': dataset}, workdir, OPTIONS)
  return workdir, computed


def test_it_continues_and_leaves_results_only(evaluated):
  workdir, computed = evaluated
  assert computed == [0, 1, 1]
  names = {path.name for path in workdir.glob('density*')}
  assert names == {'density.json', 'density.txt', 'density.png', 'density-calibration.png'}
  assert not list((workdir / 'cache').iterdir())


def test_every_context_and_target_is_measured(evaluated):
  found = json.loads((evaluated[0] / 'density.json').read_text())['results']
  contexts = {(r['target'], r['images'], r['grasps']) for r in found['density']}
  assert contexts == {(t, i, g) for t in ('gray', 'rgb', 'haptic') for i in (0, 1) for g in (0, 2)}
  for record in found['density']:
    if record['target'] != 'haptic':
      on_255 = record['log_likelihood'] - math.log(255)
      np.testing.assert_allclose(record['log_likelihood_255'], on_255)
    assert record['log_likelihood'] <= found['highest']
    assert np.mean(record['by_scene']) == pytest.approx(record['log_likelihood'])
    assert len(record['by_scene']) == 3 and 'acceptance' not in record
    assert (record['std'], record['constant']) == (found['std'], found['highest'])
    nothing = not (record['images'] or record['grasps'])
    assert (record['gain'] == record['gain_error'] == 0) == nothing
  assert {r['views_of_each'] for r in found['coverage']} == {0, 1, 2}
  for record in found['coverage']:
    assert 0 <= record['coverage'] <= 1


def test_of_annealed_densities_acceptance_and_both_bounds_are_told(tmp_path):
  """Of grasps alone, which compile fast; the images that the model knows too are of no scene."""
  dataset = tiny_run.random_dataset()
  felt = {
    split: [
      {name: scene[name] for name in ('haptics', 'hands', 'index')}
      | {IMAGE.there_field: np.zeros(tiny_run.VIEWS, bool)}
      for scene in scenes
    ]
    for split, scenes in dataset.splits.items()
  }
  options = dataclasses.replace(OPTIONS, estimator='ais', temperatures=4, leapfrogs=1, imagined=3)
  dataset = dataclasses.replace(dataset, splits=felt)
  density.MODE.evaluate(tiny_run.random_run(draw_steps=1), {'felt': dataset}, tmp_path, options)
  found = json.loads((tmp_path / 'density.json').read_text())['results']
  assert [(r['target'], r['grasps']) for r in found['bounds']] == [('haptic', 0), ('haptic', 2)]
  assert all(0 <= record['acceptance'] <= 1 for record in found['density'])
  for record in found['bounds']:
    assert record['scenes'] == 3
    assert (record['upper'] > record['lower']) == (record['gap'] > 0)
  text = (tmp_path / 'density.txt').read_text()
  assert 'nats of a whole target apart' in text and 'is accepted' in text


def test_both_bounds_are_of_all_that_can_be_imagined():
  targets = targets_of(tiny_run.random_run().model.modalities, std=0.1)
  assert {target.name: has_two_bounds(target) for target in targets} == {
    'gray': False, 'rgb': True, 'haptic': True
  }  # fmt: skip


def test_baselines_are_gaussians_about_training_views(evaluated):
  found = json.loads((evaluated[0] / 'density.json').read_text())['results']
  dataset = tiny_run.random_dataset()
  train = np.stack([scene['images'] for scene in dataset.splits['train'][:4]]) / 255
  truth = np.stack([scene['images'][-2:] for scene in dataset.splits['val']]) / 255
  mean, std = train.mean(axis=(0, 1)), found['std']

  def density_of(error):
    return np.mean(-0.5 * error**2 / std**2) - 0.5 * math.log(2 * math.pi * std**2)

  of = {(r['target'], r['predictor']): r['log_likelihood'] for r in found['without_model']}
  expected = density_of(truth - mean), density_of(truth.max(axis=-1) - mean.max(axis=-1))
  shown = of['rgb', 'mean training view'], of['gray', 'mean training view']
  np.testing.assert_allclose(shown, expected, rtol=1e-5)
  assert {predictor for _, predictor in of} == {'mean training view', 'nearest training view'}


@pytest.mark.parametrize(
  ('fields', 'sentence'),
  [
    ({'samples': 0}, '--samples is 0; it must be at least 1'),
    ({'chains': 0}, '--chains is 0; it must be at least 1'),
    ({'temperatures': 1}, '--temperatures is 1; it must be at least 2'),
    ({'estimator': 'asi'}, "no estimator 'asi'; did you mean 'ais'"),
    ({'proposal': 'priro'}, "no proposal 'priro'; did you mean 'prior'"),
    ({'scenes': 1}, 'a standard error needs at least 2'),
    ({'grasps': ()}, '--grasps is empty'),
  ],
)
def test_options_that_mean_nothing_are_refused(fields, sentence):
  with pytest.raises(UserError, match=sentence):
    density.Options(**fields)


@pytest.mark.parametrize(
  ('fields', 'sentence'),
  [
    ({'images': (0, 3)}, 'a scene has 4 views; give --images=0,2'),
    ({'scenes': 9}, 'there are 3 scenes with 4 views; give --scenes=3'),
    ({'split': 'tset'}, "no split 'tset'"),
  ],
)
def test_what_the_dataset_cannot_give_is_refused(tmp_path, fields, sentence):
  options = density.Options(**{**vars(OPTIONS), **fields})
  with pytest.raises(UserError, match=sentence):
    density.MODE.evaluate(
      tiny_run.random_run(), {'tiny': tiny_run.random_dataset()}, tmp_path, options
    )
  assert not list(tmp_path.glob('density*'))
