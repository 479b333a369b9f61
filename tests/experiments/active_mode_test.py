"""Active looking and touching: same objects for all, no view twice, and the oracle is best."""

import json

import numpy as np
import pytest

from experiments.evaluation import exploring, measures
from experiments.evaluation.policies import POLICIES
from experiments.evaluation.sensor_noise import likelihood_noise, measured_noise
from experiments.modes import active
from gmn_jax.senses import HAPTIC, IMAGE
from mese_env.errors import UserError
from tests import tiny_run

pytestmark = pytest.mark.long

SENSES = (IMAGE, HAPTIC)
PRICES = dict.fromkeys(SENSES, 1.0)


@pytest.fixture(scope='module')
def explorer():
  run = tiny_run.random_run()
  return exploring.Explorer(run, SENSES, likelihood_noise(run), samples=3)


@pytest.fixture(scope='module')
def bench(explorer):
  return exploring.lay_out(explorer.run, tiny_run.random_scene(0), 3, 1, seed=0)


@pytest.mark.parametrize('name', POLICIES)
def test_a_policy_senses_each_candidate_once(explorer, bench, name):
  course = exploring.explore(explorer, bench, POLICIES[name].gains, PRICES, 6, [0, 1])
  assert course.errors.shape == (7, 3) and np.isfinite(course.errors).all()
  # All there is of both senses.
  assert sorted(course.chosen) == [0, 0, 0, 1, 1, 1]
  again = exploring.explore(explorer, bench, POLICIES[name].gains, PRICES, 6, [0, 1])
  np.testing.assert_array_equal(course.errors, again.errors)
  # The first view is the same for all policies, and so is what all views together tell.
  usual = exploring.explore(explorer, bench, POLICIES['random'].gains, PRICES, 6, [0, 1])
  np.testing.assert_allclose(course.errors[[0, 1, 6]], usual.errors[[0, 1, 6]], rtol=1e-3)


def test_the_axis_policy_takes_an_antipode_for_what_it_has_seen(explorer, bench):
  axis_N3 = np.array([[0.0, 0, 1], [0, 0, -1], [0.6, 0, 0.8]])
  taken = np.array([True, False, False])
  moment = exploring.Moment(
    explorer, bench._replace(axes={IMAGE: axis_N3}), (IMAGE,), explorer.nothing(), (taken,),
    np.random.default_rng(0), None,
  )  # fmt: skip
  np.testing.assert_allclose(POLICIES['axis'].gains(moment)[0], [0, 0, 0.2], atol=1e-6)


def test_the_oracle_lowers_the_error_along_the_path_without_noise_most(explorer, bench):
  moment = exploring.Moment(
    explorer, bench, (IMAGE,), explorer.nothing(), (np.zeros(3, bool),), np.random.default_rng(0),
    None,
  )  # fmt: skip
  (gains,) = POLICIES['oracle'].gains(moment)
  errors = [
    explorer.errors(bench, explorer.after(bench, moment.seen, IMAGE, n), None)[0, 0]
    for n in range(3)
  ]
  assert np.argmax(gains) == np.argmin(errors)
  assert len(set(errors)) == 3


def test_a_known_object_is_sensed_anew_from_other_poses():
  from mese_env import SceneConfig, generate_scene

  scene = generate_scene(SceneConfig(num_looks=2, num_grasps=1, image_size=8), 0, 0)
  bench = exploring.lay_out(tiny_run.random_run(), scene, 5, 1, seed=0)
  assert [len(q[0]) for q in bench.candidates.queries] == [5, 5]
  assert [len(q[0]) for q in bench.held_out.queries] == [1, 1]
  for axis_N3 in bench.axes.values():
    np.testing.assert_allclose(np.linalg.norm(axis_N3, axis=1), 1)
    assert len(np.unique(axis_N3, axis=0)) == 5


def test_a_right_prediction_is_off_by_nothing_and_another_object_s_is_taken_for_that():
  from mese_env import SceneConfig, generate_scene

  scenes = [generate_scene(SceneConfig(num_looks=3, num_grasps=2), 0, i) for i in range(3)]
  run = tiny_run.random_run()
  bench = exploring.lay_out(run, scenes[0], 3, 2, 0, scenes[1:])
  parts, truth = run.model.modalities, [np.asarray(x) for x in bench.held_out.senses]
  assert [len(of) for of in bench.others] == [2, 2]
  named = [measure.name for measure in measures.measures_of(SENSES, 2)[2:]]
  assert named == ['silhouette', 'object by image', 'object by haptic']
  right = measures.further(SENSES, parts, truth, truth, bench.others)
  np.testing.assert_array_equal(right, 0)
  of_other = [of[1:] for of in bench.others]
  wrong = measures.further(SENSES, parts, of_other, truth, bench.others)
  assert 0 < wrong[0] < 1 and list(wrong[1:]) == [1, 1]
  nothing = [np.zeros_like(of) for of in truth]
  assert measures.further(SENSES, parts, nothing, truth, ())[0] == 1


def test_it_writes_errors_and_what_is_below_random(tmp_path):
  options = active.Options(
    policies=('random', 'gaussian', 'oracle'), steps=2, scenes=2, starts=2, candidates=3,
    held_out=1, samples=3, calibration=1, prices=('haptic:2',), split='val',
  )  # fmt: skip
  run, dataset = tiny_run.random_run(), tiny_run.random_dataset()
  active.MODE.evaluate(run, {'tiny': dataset}, tmp_path, options)
  written = json.loads((tmp_path / 'active.json').read_text())
  found = written['results']
  kinds = ('images', 'grasps', 'images and grasps')
  assert {(r['senses'], r['policy'], r['views'], r['of']) for r in found['errors']} == {
    (senses, policy, views, of)
    for senses in kinds
    for policy in options.policies
    for views in (0, 1, 2)
    for of in ('image', 'haptic', 'silhouette')
  }
  for r in found['errors']:
    assert r['error'] == pytest.approx(np.mean(r['by_scene'])) and len(r['by_scene']) == 2
    if r['senses'] == 'images':
      assert r['chosen'] == (0 if r['of'] == 'haptic' else r['views'])
  at = {(r['senses'], r['policy'], r['views'], r['of']): r['error'] for r in found['errors']}
  errors = {g['of'] for g in found['gains']}
  assert {'image', 'haptic'} <= errors <= {'image', 'haptic', 'silhouette'}
  for g in found['gains']:
    assert g['low'] <= g['below'] <= g['high'] and g['views'] == 2
    place = (g['senses'], g['views'], g['of'])
    usual = at[place[0], 'random', *place[1:]]
    below = 1 - at[place[0], g['policy'], *place[1:]] / usual
    assert g['below'] == pytest.approx(below, abs=1e-5)
  noise = measured_noise(run, dataset.splits['val'][2:], options.samples, options.seed)
  np.testing.assert_allclose(found['noise']['haptic'], noise[1], rtol=1e-5)
  headlines, by_scene = active.MODE.headlines(found), active.MODE.by_scene(found)
  assert 'image after 2, sensing images, gaussian (squared error)' in headlines
  assert headlines == pytest.approx({name: np.mean(of) for name, of in by_scene.items()})
  assert (tmp_path / 'active.png').stat().st_size > 10_000
  text = (tmp_path / 'active.txt').read_text()
  assert 'How far below random views' in text and 'prices: haptic:2' in text


def test_options_give_way_to_scenes_of_few_views(capsys):
  def fit(**given):
    datasets = {'tiny': tiny_run.random_dataset()}
    return active.MODE.fitted(tiny_run.random_run(), datasets, active.Options(**given))

  fitted = fit()
  assert (fitted.steps, fitted.candidates, fitted.held_out) == (3, 3, 1)
  assert (fitted.split, fitted.scenes, fitted.calibration) == ('val', 3, 0)
  assert 'instead of the defaults' in capsys.readouterr().err
  fitted = fit(steps=2, scenes=2)
  assert (fitted.steps, fitted.scenes, fitted.calibration) == (2, 2, 1)
  with pytest.raises(UserError, match='a scene has 4 views, .* give .*--steps=3'):
    fit(steps=5)


WRONG = {
  'a policy': ({'policies': ('random', 'gausian')}, "did you mean 'gaussian'"),
  'no reference': ({'policies': ('goal',)}, "lacks 'random'"),
  'twice': ({'policies': ('random', 'goal', 'goal')}, 'names one twice'),
  'one step': ({'steps': 1}, '--steps is 1; it must be at least 2'),
  'too few to choose among': ({'candidates': 3}, '--candidates is 3; it must be at least 4'),
  'one sample': ({'samples': 1}, '--samples is 1'),
  'one scene': ({'scenes': 1}, '--scenes is 1'),
}


@pytest.mark.parametrize(('given', 'said'), WRONG.values(), ids=WRONG)
def test_what_no_policy_can_do_is_one_sentence(given, said):
  with pytest.raises(UserError, match=said) as refused:
    active.Options(**given)
  assert '\n' not in str(refused.value)


@pytest.mark.parametrize(
  ('price', 'said'),
  [
    ('imag:1', "did you mean 'image'"),
    ('image', 'no name and number'),
    ('image:cheap', 'write it as in image:1,haptic:2'),
    ('image:0', 'a finite number above 0'),
    ('haptic:inf', 'a finite number above 0'),
  ],
)
def test_a_price_that_is_none_is_one_sentence(price, said):
  options = active.Options(prices=(price,), steps=2)
  with pytest.raises(UserError, match=said):
    active.MODE.fitted(tiny_run.random_run(), {'tiny': tiny_run.random_dataset()}, options)
