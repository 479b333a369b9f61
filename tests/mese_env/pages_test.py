"""The page of each Gymnasium id is what the code gives, and its numbers are what they say."""

import inspect
import pathlib

import numpy as np
import pytest
from PIL import Image

gymnasium = pytest.importorskip('gymnasium')

import mese_env.gym  # noqa: E402 - after what may skip it all
from mese_env import poses  # noqa: E402
from mese_env.gym import pages  # noqa: E402
from mese_env.gym.base import MeseEnv  # noqa: E402

_DOCS = pathlib.Path(__file__).resolve().parents[2] / 'docs'


@pytest.mark.parametrize('name', mese_env.gym.IDS)
def test_a_page_is_what_the_code_gives(name):
  made = pages.page(name)
  kept = (_DOCS / 'environments' / pages.file_of(name)).read_text('utf-8')
  assert kept == made, 'python -m mese_env pages --out docs/environments'
  assert f'environments/{pages.file_of(name)})' in (_DOCS / 'environment.md').read_text('utf-8')


@pytest.mark.parametrize('name', mese_env.gym.IDS)
def test_a_film_shows_frames_of_its_environment(name):
  env = gymnasium.make(name, render_mode='rgb_array')
  env.reset(seed=0)
  rows, columns, _ = env.render().shape
  with Image.open(_DOCS / 'environments' / pages.film_of(env.unwrapped)) as film:
    assert film.size == (columns, rows) and film.n_frames > 4


@pytest.mark.parametrize('name', mese_env.gym.IDS[:4])
def test_the_ends_of_an_action_are_what_its_numbers_say(name):
  env = gymnasium.make(name, image_size=16).unwrapped
  numbers = env.action_numbers()
  assert env.action_space.shape == (len(numbers),)
  if name == 'mese/Hand-v0':
    for sign, ends in ((-1, [n.low for n in numbers]), (1, [n.high for n in numbers])):
      action = env.action_of(np.array(ends[:13]), np.array(ends[13:]))
      np.testing.assert_allclose(action[:17], np.full(17, sign))
    return
  place = {'Look': poses.camera_pose, 'Touch': poses.wrist_pose, 'LookTouch': poses.wrist_pose}
  pose = place[name.split('/')[1].removesuffix('-v0')]
  for sign in (-1, 1):
    env.reset(seed=0)
    action = np.array([1] * (len(numbers) - 2) + [sign, sign])
    sensed = env.step(action)[0]['camera' if name == 'mese/Look-v0' else 'wrist']
    pitch, yaw = (number.low if sign < 0 else number.high for number in numbers[-2:])
    np.testing.assert_allclose(sensed, poses.query(pose(pitch, yaw)), atol=1e-6)


def test_every_argument_of_an_environment_is_explained():
  page = pages.page('mese/Look-v0')
  # The last one takes what is to be refused.
  for name in list(inspect.signature(MeseEnv.__init__).parameters)[1:-1]:
    assert f'\n| `{name}` | ' in page
