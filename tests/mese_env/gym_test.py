"""Every Gymnasium id: its interface, that it is the environment, and what bad input does to it."""

import functools
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

gymnasium = pytest.importorskip('gymnasium')

from gymnasium.utils.env_checker import check_env  # noqa: E402 - after what may skip it all

import mese_env.gym  # noqa: E402
from mese_env import given_object, grasp, hand, meshes, poses, sample_object, sensors  # noqa: E402
from mese_env.errors import UserError  # noqa: E402

IDS = ('Look', 'Touch', 'LookTouch', 'Hand')
SMALL = {'num_parts': 4, 'image_size': 16}


def make(name: str, **settings):
  return gymnasium.make(f'mese_env.gym:mese/{name}-v0', **settings)


HANDS = [
  pytest.param(name, marks=() if name == hand.DEFAULT else pytest.mark.long) for name in hand.NAMES
]


@pytest.mark.parametrize('hand_name', HANDS)
@pytest.mark.parametrize('num_parts', [4, 5, 6, 7])
@pytest.mark.parametrize('name', IDS)
def test_every_id_passes_gymnasium_s_check_without_a_warning(name, num_parts, hand_name):
  if hand_name != hand.DEFAULT:
    try:
      meshes.folder()
    except UserError as error:
      pytest.skip(str(error))
  env = make(name, num_parts=num_parts, hand=hand_name, image_size=16)
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    check_env(env.unwrapped)


@pytest.mark.parametrize('name', IDS)
def test_the_same_seed_and_actions_give_the_same_bytes_and_another_seed_others(name):
  env = make(name, **SMALL)
  env.action_space.seed(0)
  actions = [env.action_space.sample() for _ in range(4)]
  first, again, other = (_episode(make(name, **SMALL), seed, actions) for seed in (5, 5, 6))
  assert first == again and first[0] != other[0]


@pytest.mark.parametrize('name', IDS)
def test_a_seed_may_be_numpy_s_and_what_is_none_is_one_sentence(name):
  env = make(name, **SMALL)
  seeded = [env.reset(seed=seed)[1]['colours'] for seed in (3, np.int64(3), np.uint8(3))]
  np.testing.assert_array_equal(seeded, [seeded[0]] * 3)
  for seed in (-1, 1.5, 'x', True):
    with pytest.raises(UserError, match='seed is .*; give a whole number from 0 to'):
      env.reset(seed=seed)


@pytest.mark.parametrize('pitch', [-0.9, 0.2, 0.6])
def test_the_fixed_policy_played_step_by_step_feels_what_one_grasp_feels(pitch):
  thing = sample_object(5, np.random.default_rng(0))
  wrist = poses.wrist_pose(pitch, 2.0)
  query = np.array([*wrist.position, wrist.pitch, wrist.yaw])
  env = make('Hand')
  env.reset(options={'object': thing, 'wrist': query})
  command = np.zeros(13)
  for _ in range(grasp.CONTROL_STEPS):
    command = grasp.closing_command(env.unwrapped.world.model, command)
    observation, *_ = env.step(env.unwrapped.action_of(command, query))
  touch = mese_env.World(thing).grasp(wrist)
  assert not touch.rejected
  np.testing.assert_array_equal(observation['haptics'], touch.reading)
  np.testing.assert_array_equal(observation['wrist'], poses.query(wrist))


def test_an_action_is_a_pose_and_an_observation_what_is_sensed_there():
  thing = sample_object(4, np.random.default_rng(1))
  world = mese_env.World(thing, image_size=16)
  env = make('LookTouch', **SMALL)
  before, info = env.reset(options={'object': thing})
  assert not any(array.any() for array in before.values())
  np.testing.assert_array_equal(info['positions'], thing.positions)
  looked, *_ = env.step(np.array([-1, 0.5, 0]))
  camera = poses.camera_pose(np.pi / 4, np.pi)
  np.testing.assert_array_equal(looked['image'], world.look(camera))
  np.testing.assert_array_equal(looked['camera'], poses.query(camera))
  assert not looked['haptics'].any() and not looked['wrist'].any()
  felt, reward, terminated, truncated, info = env.step(np.array([1, 0.5, -0.5]))
  touch = world.grasp(poses.wrist_pose(np.pi / 4, np.pi / 2))
  cut = np.clip(
    touch.reading, *np.transpose([sensors.RANGES[sensors.kind_of(n)] for n in sensors.SENSOR_NAMES])
  )
  np.testing.assert_array_equal(felt['haptics'], np.float32(cut))
  assert (reward, terminated, truncated, info['rejected']) == (0, False, False, touch.rejected)
  assert not felt['image'].any()


def test_an_episode_has_as_many_poses_as_a_scene_and_a_hand_six_seconds():
  for name, steps in (('Look', 15), ('Touch', 15), ('LookTouch', 15), ('Hand', 150)):
    env = make(name, **SMALL)
    env.reset(seed=0)
    action = env.action_space.sample() if name != 'Hand' else _still(env)
    ended = [env.step(action)[2:4] for _ in range(steps)]
    assert ended == [(False, False)] * (steps - 1) + [(False, True)]


def test_the_wrist_goes_where_it_is_told_at_its_speed_and_stays_there():
  env = make('Hand')
  env.reset(seed=0)
  start = np.array(mese_env.gym.HandEnv.home)
  goal = start + np.array([0.05, 0, 0.03, -0.2, 6.1])  # the short way round is back by 0.18
  action = env.unwrapped.action_of(np.zeros(13), goal)
  wrists = [start, *(env.step(action)[0]['wrist'] for _ in range(12))]
  way = np.diff(wrists, axis=0)
  assert np.linalg.norm(way[:, :3], axis=1).max() == pytest.approx(0.25 * 0.04, rel=1e-4)
  turned = np.abs((way[:, 3:] + np.pi) % (2 * np.pi) - np.pi)
  assert turned.max() == pytest.approx(1.5 * 0.04, rel=1e-3)
  # The simulated hand is there too; a quaternion and its negative are one turn.
  data = env.unwrapped.world.data
  pose = poses.wrist_pose(goal[3], goal[4])._replace(position=goal[:3])
  position, quaternion = grasp.mocap_of(pose)
  np.testing.assert_allclose(data.mocap_pos[0], position, atol=1e-9)
  assert abs(data.mocap_quat[0] @ quaternion) == pytest.approx(1)
  goal[3] %= 2 * np.pi
  np.testing.assert_allclose(wrists[-1], goal, atol=1e-6)
  assert not way[-1].any()


def test_too_much_force_ends_the_episode_of_a_hand():
  env = make('Hand')
  inside = np.zeros(5)
  env.reset(seed=0, options={'wrist': np.array([0, -0.06, 0, 0, 0])})
  for _ in range(20):
    observation, _, terminated, _, info = env.step(env.unwrapped.action_of(np.zeros(13), inside))
    assert env.observation_space.contains(observation)
    assert terminated == (info['largest_touch'] > grasp.MAX_READING)
    if terminated:
      return
  pytest.fail('the hand went through the object')


@pytest.mark.parametrize('name', IDS)
def test_a_bad_action_is_one_sentence_and_the_environment_lives_on(name, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)  # where MuJoCo would write its log
  env = make(name, **SMALL).unwrapped
  with pytest.raises(UserError, match='call reset'):
    env.step(env.action_space.sample())
  env.reset(seed=0)
  zeros = np.zeros(env.action_space.shape)
  nan, far = zeros.copy(), zeros.copy()
  nan[-1], far[1] = np.nan, 1.01
  for action, sentence in [
    (nan, rf'action\[{len(zeros) - 1}\] is nan; give numbers from -1 to 1'),
    (far, r'action\[1\] is 1.01; give numbers from -1 to 1'),
    (zeros[:-1], 'is of shape'),
    (zeros[None], 'is of shape'),
    (None, 'is of shape|numbers'),
    ('left', 'give .* numbers'),
    ({'pose': 1}, 'give .* numbers'),
    (zeros + 1j, 'give .* numbers'),
  ]:
    with pytest.raises(UserError, match=sentence):
      env.step(action)
  observation, *_ = env.step(zeros)
  assert env.observation_space.contains(observation)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  ('name', 'options', 'sentence'),
  [
    ('Look', {'objekt': None}, "did you mean 'object'"),
    ('Look', {'object': np.zeros((4, 3))}, 'mese_env.given_object'),
    ('Touch', {'wrist': np.zeros(5)}, "no option 'wrist'"),
    ('Hand', {'wrist': np.zeros(4)}, 'five finite numbers'),
    ('Hand', {'wrist': np.full(5, np.nan)}, 'five finite numbers'),
    ('Hand', {'wrist': np.array([0.5, 0, 0, 0, 0])}, 'further than 0.4 m'),
  ],
)
def test_a_bad_option_of_reset_is_one_sentence(name, options, sentence):
  with pytest.raises(UserError, match=sentence):
    make(name, **SMALL).reset(options=options)


@pytest.mark.parametrize(
  ('settings', 'sentence'),
  [
    ({'num_parts': 3}, 'num_parts is 3; use one of 4, 5, 6, 7'),
    ({'hand': 'meshes'}, "did you mean 'mesh'"),
    ({'image_size': 30}, 'does not divide by four'),
    ({'objects': 'new'}, 'use one of all, seen, held_out'),
    ({'num_parst': 5}, "no setting 'num_parst'; did you mean 'num_parts'"),
  ],
)
@pytest.mark.parametrize('name', IDS)
def test_a_bad_setting_is_one_sentence(name, settings, sentence):
  with pytest.raises(UserError, match=sentence):
    make(name, **settings)


def test_a_display_that_takes_no_window_is_one_sentence(monkeypatch):
  monkeypatch.setenv('DISPLAY', ':987')
  monkeypatch.setitem(mese_env.gym.LookEnv.metadata, 'render_modes', ['rgb_array', 'human'])
  env = mese_env.gym.LookEnv(render_mode='human', image_size=16)
  with pytest.raises(UserError, match='no window can be opened .* python3-tk'):
    env.reset(seed=0)


def test_a_mode_of_rendering_that_is_not_there_is_one_sentence():
  with pytest.raises(UserError, match="did you mean 'rgb_array'"):
    mese_env.gym.LookEnv(render_mode='rgb')
  if 'human' not in mese_env.gym.LookEnv.metadata['render_modes']:
    for make_it in (mese_env.gym.LookEnv, functools.partial(make, 'Look')):
      with pytest.raises(UserError, match='there is no display'):
        make_it(render_mode='human')


@pytest.mark.parametrize(
  ('name', 'panes'), [('Look', 1), ('Touch', 2), ('LookTouch', 3), ('Hand', 2)]
)
def test_a_frame_shows_the_object_and_changes_nothing(name, panes):
  thing = given_object(*sample_object(5, np.random.default_rng(2))[:2])
  plain, drawn = make(name), make(name, render_mode='rgb_array')
  for env in (plain, drawn):
    env.reset(options={'object': thing})
  for step in range(3):
    action = np.full(plain.action_space.shape, 0.1 * step)
    observation, *_ = plain.step(action)
    beside, *_ = drawn.step(action)
    frame = drawn.render()
    assert frame.shape == (256, panes * 256, 3) and frame.dtype == np.uint8
    assert np.mean(frame[:, :256].any(axis=-1)) > 0.01
    for key, value in observation.items():
      np.testing.assert_array_equal(value, beside[key])
  plain.close()
  plain.close()


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='Linux tells of descriptors')
@pytest.mark.parametrize('name', IDS)
def test_two_hundred_resets_open_nothing(name):
  env = make(name, **SMALL)
  env.reset(seed=0)
  env.step(np.zeros(env.action_space.shape))
  before = len(os.listdir('/proc/self/fd'))
  for _ in range(200):
    env.reset()
  env.step(np.zeros(env.action_space.shape))
  assert len(os.listdir('/proc/self/fd')) == before


def test_gymnasium_is_loaded_only_when_asked_for_and_its_absence_is_said():
  program = """
import sys
import mese_env
mese_env.World, mese_env.SceneConfig
assert not {'jax', 'gymnasium', 'tensorflow_datasets'} & set(sys.modules)
sys.modules['gymnasium'] = None
try:
  import mese_env.gym
except mese_env.errors.UserError as error:
  print(error)
"""
  ran = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
  assert 'pip install "gymnasium>=1.1"' in ran.stdout


def _episode(env, seed: int, actions) -> list[bytes]:
  """The colours of the object, and what is observed of it."""
  observation, info = env.reset(seed=seed)
  observations = [observation, *(env.step(action)[0] for action in actions)]
  sensed = [value.tobytes() for each in observations for value in each.values()]
  return [info['colours'].tobytes(), *sensed]


def _still(env) -> np.ndarray:
  return env.unwrapped.action_of(np.zeros(13), np.array(mese_env.gym.HandEnv.home))
