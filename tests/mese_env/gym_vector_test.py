"""Many environments that grasp together: the bytes of single ones, whatever the threads."""

import numpy as np
import pytest

gymnasium = pytest.importorskip('gymnasium')

import mese_env.gym  # noqa: E402 - after what may skip it all
from mese_env.errors import UserError  # noqa: E402

NUM_ENVS = 3
SETTINGS = {'num_envs': NUM_ENVS, 'num_parts': 4, 'max_episode_steps': 2}


@pytest.fixture(name='alone', scope='module')
def _alone():
  """What single environments see, one after another."""
  single = gymnasium.make_vec('mese/Touch-v0', vectorization_mode='sync', **SETTINGS)
  return _play(single)


@pytest.mark.parametrize('num_threads', [1, 2, 4])
def test_together_they_sense_bit_for_bit_what_each_senses_alone(alone, num_threads):
  together = gymnasium.make_vec('mese/Touch-v0', num_threads=num_threads, **SETTINGS)
  assert isinstance(together, mese_env.gym.TouchVectorEnv)
  assert together.metadata['autoreset_mode'] == gymnasium.vector.AutoresetMode.NEXT_STEP
  assert _play(together) == alone


def test_a_frame_of_each_shows_its_hand():
  settings = {'num_parts': 4, 'render_mode': 'rgb_array'}
  action = np.float32([0.2, -0.4])
  env = gymnasium.make('mese/Touch-v0', **settings)
  env.reset(seed=1)
  env.step(action)
  together = gymnasium.make_vec('mese/Touch-v0', num_envs=2, **settings)
  together.reset(seed=[0, 1])
  together.step(np.stack([action, action]))
  np.testing.assert_array_equal(together.render()[1], env.render())
  together.close()


@pytest.mark.parametrize(
  ('actions', 'sentence'),
  [
    (np.zeros((2, 2)), r'of shape \(2, 2\); give one of \(3, 2\)'),
    (np.full((3, 2), np.nan), r'action\[0\] is nan'),
    (np.full((3, 2), 2), r'action\[0\] is 2'),
  ],
)
def test_bad_actions_are_one_sentence_and_change_nothing(actions, sentence):
  together = gymnasium.make_vec('mese/Touch-v0', **SETTINGS)
  first = together.reset(seed=0)
  with pytest.raises(UserError, match=sentence):
    together.step(actions)
  again = together.step(np.zeros((3, 2)))
  together.reset(seed=0)
  expected = together.step(np.zeros((3, 2)))
  assert first[0]['haptics'].shape == (3, 132)
  np.testing.assert_array_equal(again[0]['haptics'], expected[0]['haptics'])


@pytest.mark.parametrize(
  ('settings', 'sentence'),
  [
    ({'num_threads': -1}, 'num_threads is -1'),
    ({'hand': 'prim'}, "did you mean 'primitive'"),
    ({'num_thread': 2}, "did you mean 'num_threads'"),
    ({'hnad': 'mesh'}, "did you mean 'hand'"),
  ],
)
def test_a_bad_setting_of_many_is_one_sentence(settings, sentence):
  with pytest.raises(UserError, match=sentence):
    gymnasium.make_vec('mese/Touch-v0', num_envs=2, **settings)


@pytest.mark.parametrize(
  ('seed', 'sentence'),
  [([1, 2], '2 seeds are given; give one, or 3'), (1.5, 'seed is 1.5'), ('abc', "seed is 'abc'")],
)
def test_a_bad_seed_of_many_is_one_sentence(seed, sentence):
  with pytest.raises(UserError, match=sentence):
    gymnasium.make_vec('mese/Touch-v0', **SETTINGS).reset(seed=seed)


def _play(envs) -> list[bytes]:
  rng = np.random.default_rng(0)
  seen = [envs.reset(seed=3)[0]]
  flags = []
  for _ in range(5):
    actions = rng.uniform(-1, 1, (NUM_ENVS, 2)).astype(np.float32)
    observation, reward, terminated, truncated, info = envs.step(actions)
    seen.append({name: value.copy() for name, value in observation.items()})
    rejected = info.get('rejected', np.zeros(NUM_ENVS, bool))
    flags += [reward, terminated, truncated, rejected]
  values = [value for each in seen for value in each.values()]
  return [np.asarray(value).tobytes() for value in [*values, *flags]]
