"""How the raw senses are cut into modalities, and that a user's own cut trains."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gmn_jax.config import EpisodesConfig, OptimiserConfig
from gmn_jax.senses import (
  IMAGE,
  ImageCut,
  Modality,
  Range,
  VectorCut,
  count_views,
  cut_scenes,
  embed_query,
)
from gmn_jax.senses.sense import scale_by_range
from gmn_jax.senses.sets import haptic_halves, haptics, modality_set
from gmn_jax.training import train_step
from mese_env import sensors
from mese_env.errors import UserError
from tests import tiny

# The authors' lists, 0-based: fingers apart, then touch (113 to 131) and the wrist.
HALF_A = """
3 4 5 6 25 26 27 28 47 48 49 50 60 61 62 63 73 74 75 76 83 84 85 98 99 100
7 8 9 10 29 30 31 32 51 52 64 65 77 78 86 87 88 101 102 103
11 12 13 33 34 35 53 66 79 89 90 91 104 105 106
"""
HALF_B = f"""
14 15 16 17 36 37 38 39 54 67 80 92 93 94 107 108 109
18 19 20 21 40 41 42 43 55 56 68 69 81 82 95 96 97 110 111 112
{' '.join(map(str, range(113, 132)))}
0 1 2 22 23 24 44 45 46 57 58 59 70 71 72
"""


def draw_scenes(image_size, scenes=2, views=3):
  rng = np.random.default_rng(0)
  return {
    'images': rng.integers(0, 256, (scenes, views, image_size, image_size, 3), np.uint8),
    'cameras': rng.standard_normal((scenes, views, 5)).astype(np.float32),
    'haptics': rng.standard_normal((scenes, views, 132)).astype(np.float32),
    'hands': rng.standard_normal((scenes, views, 5)).astype(np.float32),
  }


def no_scaling():
  return {'haptic': Range(-np.ones(132, np.float32), np.ones(132, np.float32))}


def cut(name, scenes):
  modalities = modality_set(name, scenes['images'].shape[2])
  views = cut_scenes(modalities, scenes, no_scaling())
  for modality, sense in zip(modalities, views.senses, strict=True):
    assert sense.shape[2:] == modality.shape
  return {m.name: np.asarray(sense) for m, sense in zip(modalities, views.senses, strict=True)}


def antialias(size_in, size_out, field):
  """Bilinear resize of the centre `field` as a matrix: a triangle as wide as an output pixel."""
  width = field * size_in / size_out
  centres = size_in / 2 + (np.arange(size_out) + 0.5 - size_out / 2) * width
  distance = np.abs(centres[:, None] - (np.arange(size_in) + 0.5)) / width
  weights = np.maximum(0, 1 - distance)
  return weights / weights.sum(axis=1, keepdims=True)


def test_haptic_halves_are_the_authors_lists():
  half_a, half_b = haptic_halves()
  assert list(half_a) == [int(i) for i in HALF_A.split()]
  assert list(half_b) == [int(i) for i in HALF_B.split()]


def test_m2_is_the_whole():
  scenes = draw_scenes(16)
  senses = cut('m2', scenes)
  assert list(senses) == ['rgb', 'haptic']
  np.testing.assert_allclose(senses['rgb'], scenes['images'] / 255, rtol=1e-6)
  np.testing.assert_allclose(senses['haptic'], scenes['haptics'], atol=1e-6)


def test_m5_is_the_quarters_left_before_right_and_upper_before_lower():
  scenes = draw_scenes(64)
  senses = cut('m5', scenes)
  image = scenes['images'] / 255
  quarters = {
    'left-upper': image[:, :, :32, :32], 'left-lower': image[:, :, 32:, :32],
    'right-upper': image[:, :, :32, 32:], 'right-lower': image[:, :, 32:, 32:],
  }  # fmt: skip
  assert list(senses) == [*quarters, 'haptic']
  for name, quarter in quarters.items():
    np.testing.assert_allclose(senses[name], quarter, rtol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize('image_size', [64, 32])
@pytest.mark.parametrize('name', ['m8', 'm14'])
def test_m8_and_m14_cut_the_antialiased_centre_by_colour(name, image_size):
  scenes = draw_scenes(image_size)
  senses = cut(name, scenes)
  canvas, half = image_size * 3 // 4, image_size * 3 // 8
  resize = antialias(image_size, canvas, field=132 / 150)
  centre = np.einsum('yh,xw,bvhwc->bvyxc', resize, resize, scenes['images'] / 255)
  parts = {}
  for channel, colour in enumerate(('red', 'green', 'blue')):
    for side, columns in (('left', slice(0, half)), ('right', slice(half, canvas))):
      column = centre[:, :, :, columns, channel : channel + 1]
      if name == 'm8':
        parts[f'{colour}-{side}'] = column
      else:
        parts[f'{colour}-{side}-upper'] = column[:, :, :half]
        parts[f'{colour}-{side}-lower'] = column[:, :, half:]
  half_a, half_b = haptic_halves()
  parts['haptic-a'] = scenes['haptics'][..., list(half_a)]
  parts['haptic-b'] = scenes['haptics'][..., list(half_b)]
  assert list(senses) == list(parts)
  for part, expected in parts.items():
    np.testing.assert_allclose(senses[part], expected, atol=1e-5)


@pytest.mark.long
def test_a_set_of_the_users_own_trains_every_parameter():
  fingers = (*sensors.FINGERS[:2], 'palm')
  modalities = (
    *(haptics(finger, sensors.channels(finger=finger)) for finger in fingers),
    Modality('left', IMAGE, ImageCut(16, rows=(0, 16), columns=(0, 8)), shape=(16, 8, 3)),
  )
  model = tiny.make_model('apoe', modalities)
  optimizer = optax.sgd(1.0)
  params = jax.tree.map(np.float32, tiny.draw_params(model))
  state = train_step.TrainState(params, optimizer.init(params), np.int32(0), jax.random.key(0))

  @jax.jit
  def step(state, scenes):
    return train_step.train_step(
      state,
      scenes,
      no_scaling(),
      model=model,
      optimizer=optimizer,
      sampling=EpisodesConfig(withheld=0.0, withheld_views=0.0),
      objective=OptimiserConfig(std=1.0),
    )

  after, metrics = step(state, draw_scenes(16, views=4))
  assert np.isfinite(metrics['loss'])
  # With plain gradient descent at rate one, what a parameter moved by is its gradient.
  moved = jax.tree.map(lambda new, old: np.asarray(new - old), after.params, state.params)
  for path, change in jax.tree_util.tree_leaves_with_path(moved):
    assert np.isfinite(change).all(), path
    assert np.any(change != 0), path


def test_haptic_scaling():
  low, high = np.float32([-1, 0, 5]), np.float32([1, 0.05, 5])
  # A range below 0.1 counts as 0.1; nothing is clipped.
  scaled = scale_by_range(np.float32([[-1, 0, 5], [1, 0.1, 5.1], [3, -0.1, 4.9]]), Range(low, high))
  np.testing.assert_allclose(scaled, [[-1, -1, -1], [1, 1, 1], [3, -3, -3]], atol=1e-5)


def test_query_embedding():
  embedded = embed_query(jnp.array([0.1, 0.2, 0.3, np.pi / 6, -np.pi / 2]))
  np.testing.assert_allclose(embedded, [0.1, 0.2, 0.3, np.sqrt(3) / 2, 0.5, 0, -1], atol=1e-6)


@pytest.mark.parametrize(
  'make, said',
  [
    (lambda: modality_set('m4', 64), "'m4'; did you mean"),
    (lambda: modality_set('m5', 20), 'multiple of 8'),
    (lambda: modality_set('m14', 44), 'multiple of 8'),
    (lambda: modality_set('m2', 0), 'image_size is 0'),
    (lambda: Modality('depth', IMAGE, ImageCut(8, (0, 6), (0, 8)), (6, 8, 3)), 'divisible by'),
    (lambda: Modality('sound', 'audio', VectorCut((0,)), (1,)), "'audio', no sense"),
    (lambda: tiny.make_model('apoe', (tiny.TOUCH,)).grid, r"\['touch'\] imply"),
    (lambda: tiny.make_model('apoe', modality_set('m2', 8) + tiny.MODALITIES).grid, 'one height'),
  ],
)
def test_what_cannot_be_cut_is_refused(make, said):
  with pytest.raises(UserError, match=said):
    make()


@pytest.mark.parametrize(
  ('cut', 'sentence'),
  [
    (lambda: VectorCut((0, 8))(jnp.zeros((2, 8))), 'number 8 of a vector of 8'),
    (lambda: ImageCut(4, (0, 4), (0, 4), (1,))(jnp.zeros((4, 4, 1))), 'channel 1 of an image of 1'),
  ],
)
def test_what_is_cut_from_too_little_is_refused(cut, sentence):
  with pytest.raises(UserError, match=sentence):
    cut()


def test_senses_with_different_numbers_of_views_are_refused():
  scenes = draw_scenes(8)
  scenes |= {name: scenes[name][:, :1] for name in ('haptics', 'hands')}
  with pytest.raises(UserError, match='2 x 3 images, 2 x 1 grasps'):
    count_views(modality_set('m2', 8), scenes)
