"""Tasks: what is asked, how a prediction is rewarded, and what is refused."""

import warnings

import numpy as np
import pytest

gymnasium = pytest.importorskip('gymnasium')

from gymnasium.utils.env_checker import check_env  # noqa: E402 - after what may skip it all

import mese_env.gym  # noqa: E402
from mese_env import given_object, sample_object, shapes  # noqa: E402
from mese_env.errors import UserError  # noqa: E402

TASKS = [
  f'{sense}{what}' for sense in ('Look', 'Touch', 'LookTouch') for what in ('Shape', 'Cells')
]


def make(name: str, **settings):
  return gymnasium.make(f'mese/{name}-v0', image_size=16, **settings)


@pytest.mark.parametrize('name', TASKS)
def test_every_task_passes_gymnasium_s_check(name):
  env = make(name, num_parts=4)
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    # Logits have no ends.
    warnings.filterwarnings('ignore', '.*Box action space m.* value is -?infinity')
    warnings.filterwarnings('ignore', '.*recommend using a symmetric and normalized space')
    check_env(env.unwrapped)


@pytest.mark.parametrize('num_parts', [4, 5, 6, 7])
@pytest.mark.parametrize('name', ['TouchShape', 'LookCells'])
def test_the_reward_is_minus_the_cross_entropy_with_the_label(name, num_parts):
  env = make(name, num_parts=num_parts)
  label = 'shape_id' if name.endswith('Shape') else 'cells_id'
  for seed in range(3):
    _, info = env.reset(seed=seed)
    target = info[label]
    assert info['prediction']['target'] == target
    logits = np.zeros(env.unwrapped.num_labels)
    assert len(logits) == getattr(shapes.shape_counts(num_parts), label)
    _, blind, *_ = env.step({'action': np.zeros(2), 'prediction': logits})
    assert blind == pytest.approx(-np.log(len(logits)))
    logits[target] = 50
    _, sure, *_, info = env.step({'action': np.zeros(2), 'prediction': logits})
    assert sure == pytest.approx(0, abs=1e-12) and info['prediction']['target'] == target
    logits[target] = -1000
    assert env.step({'action': np.zeros(2), 'prediction': logits})[1] < -999


@pytest.mark.parametrize('objects', ['seen', 'held_out'])
def test_a_task_is_of_the_objects_of_its_split(objects):
  env, held_out = make('LookShape', num_parts=4, objects=objects), shapes.held_out_cells_ids(4)
  for seed in range(15):
    assert (env.reset(seed=seed)[1]['cells_id'] in held_out) == (objects == 'held_out')


def test_what_is_sensed_is_what_is_sensed_without_a_task():
  thing, action = sample_object(4, np.random.default_rng(0)), np.float32([0.3, -0.2])
  env, plain = make('TouchShape', num_parts=4), make('Touch', num_parts=4)
  for each in (env, plain):
    each.reset(options={'object': thing})
  felt = env.step({'action': action, 'prediction': np.zeros(6)})[0]
  np.testing.assert_array_equal(felt['haptics'], plain.step(action)[0]['haptics'])


def test_what_is_no_prediction_is_one_sentence():
  env = make('LookShape', num_parts=4).unwrapped
  env.reset(seed=0)
  good = {'action': np.zeros(2), 'prediction': np.zeros(6)}
  for bad, sentence in [
    (np.zeros(2), "an action is {'action', 'prediction'}"),
    ({'action': np.zeros(2)}, "an action is {'action', 'prediction'}"),
    (good | {'prediction': np.zeros(5)}, 'give 6 finite logits'),
    (good | {'prediction': np.full(6, np.nan)}, 'give 6 finite logits'),
    (good | {'prediction': 'cube'}, 'give 6 finite logits'),
    (good | {'action': np.full(2, 2)}, r'action\[0\] is 2'),
  ]:
    with pytest.raises(UserError, match=sentence):
      env.step(bad)
  env.step(good)
  bar = given_object(np.array([(0, 0, 0), (0, 0, 0.1)]), np.ones((2, 3)))
  for thing in (bar, sample_object(5, np.random.default_rng(0))):
    with pytest.raises(UserError, match='no shape_id among those of 4 parts'):
      env.reset(options={'object': thing})


def test_an_unknown_task_is_named_with_the_near_one():
  with pytest.raises(gymnasium.error.NameNotFound, match='TouchShape'):
    make('TouchShap')
  assert len(mese_env.gym.IDS) == 4 + len(TASKS)
