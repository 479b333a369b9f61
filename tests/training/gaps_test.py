"""Scenes that lack views or senses: what is not there changes nothing, and the rest trains."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.model import elbo_terms, sample_episodes, sample_noise
from gmn_jax.senses import count_views, cut_scenes, views_there
from gmn_jax.senses.sets import modality_set
from gmn_jax.training.quiet_start import mean_biases
from tests import tiny
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step

pytestmark = pytest.mark.long

_M2 = modality_set('m2', 8)
# Of three scenes, which of four views there are: the second lacks touch, the third has one view.
LOOKS = np.array([[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]], bool)
GRASPS = np.array([[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], bool)


def _gappy(looks=LOOKS, grasps=GRASPS) -> dict[str, np.ndarray]:
  return random_batch(len(looks)) | {'images_there': looks, 'haptics_there': grasps}


def _filled_up(batch, views, garbage):
  """The same scenes with more places that hold no view, and garbage in all such places."""
  filled = {}
  for name, x in batch.items():
    if name == 'index':
      filled[name] = x
      continue
    width = [(0, 0), (0, views - x.shape[1])] + [(0, 0)] * (x.ndim - 2)
    filled[name] = np.pad(x, width)
  for field, pose, there in (
    ('images', 'cameras', filled['images_there']),
    ('haptics', 'hands', filled['haptics_there']),
  ):
    filled[field][~there] = 255 if field == 'images' else garbage
    filled[pose][~there] = garbage
  return filled


def test_what_is_not_there_counts_as_zeros():
  batch = _filled_up(_gappy(), 6, np.nan)
  views = cut_scenes(_M2, batch, RANGES)
  there = np.asarray(views_there(_M2, batch))
  assert there.shape == (3, 2, 6) and count_views(_M2, batch) == (3, 6)
  whole = cut_scenes(_M2, random_batch(3), RANGES)
  for m in range(2):
    for part, of_whole in (
      (views.senses[m], whole.senses[m]),
      (views.queries[m], whole.queries[m]),
    ):
      assert not np.asarray(part)[~there[:, m]].any()
      np.testing.assert_array_equal(
        np.asarray(part)[there[:, m]], np.asarray(of_whole)[there[:, m, :4]]
      )
  assert views_there(_M2, random_batch(3)) is None


def test_a_sense_that_no_scene_has_needs_neither_arrays_nor_a_range():
  batch = {'images_there': LOOKS, **{n: random_batch(3)[n] for n in ('haptics', 'hands')}}
  views = cut_scenes(_M2, batch, RANGES)
  assert views.senses[0].shape == (3, 4, 8, 8, 3) and not views.senses[0].any()
  assert count_views(_M2, batch) == (3, 4)
  felt = {'haptics_there': GRASPS, **{n: random_batch(3)[n] for n in ('images', 'cameras')}}
  assert cut_scenes(_M2, felt, {}).senses[1].shape == (3, 4, 132)


def test_the_mean_that_is_rendered_first_is_that_of_views_there_are():
  model = tiny.make_model('apoe', _M2)
  batch = _filled_up(_gappy(), 7, np.nan)
  biases = mean_biases(model, cut_scenes(_M2, batch, RANGES), views_there(_M2, batch))
  looks = batch['images'][batch['images_there']] / 255
  np.testing.assert_allclose(biases['rgb'], looks.mean(axis=(0, 1, 2)) / model.steps, rtol=1e-5)
  none = batch | {'haptics_there': np.zeros_like(batch['haptics_there'])}
  views = cut_scenes(_M2, none, RANGES)
  assert not np.any(mean_biases(model, views, views_there(_M2, none))['haptic'])


@pytest.mark.parametrize('options', [{}, {'withheld': 1.0}, {'withheld_views': 1.0}, {'gives': 1}])
def test_views_that_are_not_there_are_neither_given_nor_asked_for(options):
  there = np.tile(np.stack([LOOKS, GRASPS], axis=1), (400, 1, 1))
  options = dict(options)
  if options.pop('gives', 0):
    # Scenes that lack the one modality which may give context give all that they have.
    options |= {'gives_BM': jnp.tile(jnp.array([False, True]), (1200, 1)), 'withheld': 1.0}
  sample = functools.partial(sample_episodes, scenes=1200, modalities=2, views=4, **options)
  episodes = jax.jit(sample)(jax.random.key(0), there_BMV=there)
  context, target = np.asarray(episodes.context[0]), np.asarray(episodes.target[0])
  assert not ((context | target) & ~there).any() and not (context & target).any()
  assert target.any(axis=(1, 2)).all() and context.any()
  seen = (context | target).reshape(400, 3, 2, 4)
  # Every view that there is comes to be seen; the scene of one view is asked for it.
  assert (seen.any(axis=0) == there[:3]).all() or 'gives_BM' in options
  assert target.reshape(400, 3, 2, 4)[:, 2, 0, 2].all()


def test_of_views_that_are_all_there_as_many_are_given_as_ever():
  there = jnp.ones((6_000, 2, 4), bool)
  for mask in (None, there):
    episodes = jax.jit(functools.partial(sample_episodes, scenes=6_000, modalities=2, views=4))(
      jax.random.key(1), there_BMV=mask
    )
    context = np.asarray(episodes.context[0])
    sizes = np.bincount(context.sum(axis=2).ravel(), minlength=5) / 12_000
    # A modality gives context in three quarters of the scenes, 0 to 4 views.
    np.testing.assert_allclose(sizes[1:], 0.15, atol=0.02)
    np.testing.assert_allclose(context.mean(axis=(0, 1)), context.mean(), rtol=0.06)


def test_filling_scenes_up_changes_no_loss_and_no_gradient():
  step, state = tiny_step(tiny_config(optimizer='adam', batch_size=3))
  results = []
  for views, garbage in ((4, 0.0), (7, np.nan), (7, 1e30)):
    after, metrics = jax.jit(step)(state, _filled_up(_gappy(), views, garbage), RANGES)
    results.append((after.params, {k: v for k, v in metrics.items() if k != 'gradient_norm'}))
  for result in results[1:]:
    jax.tree.map(
      functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=1e-6), result, results[0]
    )


def test_a_scene_without_gaps_costs_what_it_costs_by_itself():
  model = tiny.make_model('apoe', _M2, mask_absent=True)
  params = jax.tree.map(jnp.float32, tiny.draw_params(model))
  three = {n: x if n == 'index' else x[:, :3] for n, x in random_batch(2).items()}
  there = {f'{name}_there': np.ones((2, 3), bool) for name in ('images', 'haptics')}
  masked = _filled_up({n: x.copy() for n, x in three.items()} | there, 8, np.nan)
  episodes = sample_episodes(
    jax.random.key(3), 2, 2, 8, withheld_views=0.5, there_BMV=views_there(_M2, masked)
  )
  noise = sample_noise(model, jax.random.key(4), 2)

  def terms(scenes, episodes):
    views = cut_scenes(_M2, scenes, RANGES)
    return jax.jit(functools.partial(elbo_terms, model))(params, views, episodes, noise)

  alone = jax.tree.map(lambda mask: mask[..., :3], episodes)
  jax.tree.map(
    functools.partial(np.testing.assert_allclose, rtol=1e-5),
    terms(masked, episodes),
    terms(three, alone),
  )


@pytest.mark.parametrize('lacking', ['haptic', 'rgb'])
def test_what_no_scene_has_has_no_gradient(lacking):
  none, every = np.zeros((2, 4), bool), np.ones((2, 4), bool)
  batch = _gappy(*((every, none) if lacking == 'haptic' else (none, every)))
  step, state = tiny_step(tiny_config(optimizer='adam'))
  after, metrics = jax.jit(step)(state, _filled_up(batch, 4, np.nan), RANGES)
  other = {'haptic': 'rgb', 'rgb': 'haptic'}[lacking]
  assert np.isfinite(metrics['loss'])
  for part in ('encoders', 'renderers'):
    assert metrics[f'gradient_norm/{part}_{lacking}'] == 0
    assert metrics[f'gradient_norm/{part}_{other}'] > 0
  assert metrics[f'squared_error/{lacking}'] == 0
  jax.tree.map(lambda x: np.testing.assert_array_equal(np.isfinite(x), True), after.params)
