"""Public functions take NumPy arrays, such as a converted checkpoint's, and compute the same."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax import inference, model
from gmn_jax.inference import annealing, calibration, importance
from gmn_jax.model import Episodes, Noise
from gmn_jax.senses import HAPTIC, Range, cut_scenes
from tests import tiny

pytestmark = pytest.mark.long

MODEL = tiny.make_model('apoe', (tiny.LEFT, tiny.TOUCH), steps=2)
RNG = np.random.default_rng(0)
CONTEXT = RNG.random((2, 2, 4)) < 0.5
# Whatever NumPy makes by itself, float64 too.
GIVEN = {
  'params': tiny.draw_params(MODEL),
  'views': tiny.draw_views(MODEL),
  'context': CONTEXT,
  'target': ~CONTEXT,
  'noise': tiny.draw_noise(MODEL, 2),
  'noises': Noise(np.stack([tiny.draw_noise(MODEL, 2, seed).latents for seed in range(2)])),
  'seen': inference.Seen(
    tuple(RNG.random((2, *MODEL.grid, 4 * MODEL.width)) for _ in range(2)),
    RNG.random((2, 2)) < 0.5,
  ),
  'z': RNG.standard_normal(MODEL.latents_shape(2)),
  # As older code draws them, too: two words.
  'key': np.array([0, 7], np.uint32),
  'levels': np.array([0.2, 0.7]),
  'unit': (RNG.random((2, 5)), RNG.random((2, 3, 1))),
  'scenes': {
    'images': RNG.integers(0, 256, (2, 4, 8, 8, 3), np.uint8),
    'cameras': RNG.normal(size=(2, 4, 5)),
    'haptics': RNG.normal(size=(2, 4, 132)),
    'hands': RNG.normal(size=(2, 4, 5)),
  },
  'ranges': {HAPTIC.name: Range(np.full(132, -2.0), np.full(132, 2.0))},
}
GRAY = inference.Likelihood(std=0.3, levels=255, gray=True)


def predicted(truth):
  return lambda key: jax.tree.map(lambda x: jax.random.uniform(key, x.shape), truth)


# Of every public function its name and a call of it.
CALLS = {
  'noise_from': lambda f, g: f(MODEL, g['noise'], 2, 0.7),
  'sample_prior': lambda f, g: f(MODEL, g['params'], g['views'], g['context'], g['key'], 0.7),
  'generate': lambda f, g: f(
    MODEL, g['params'], g['views'], g['context'], g['views'].queries, g['noise']
  ),
  'render': lambda f, g: f(MODEL, g['params'], g['z'], g['views'].queries),
  'represent': lambda f, g: f(MODEL, g['params'], g['views'], g['context']),
  'summarise': lambda f, g: f(MODEL, g['params'], g['views'], g['context'][None]),
  'sample_prior_given': lambda f, g: f(MODEL, g['params'], g['seen'], g['noise']),
  'information': lambda f, g: f(g['z'].reshape(2, MODEL.steps, -1)),
  'fall_of_variance': lambda f, g: f(g['z'].reshape(2, MODEL.steps, -1), g['z'].reshape(2, -1)),
  'log_importance_weight': lambda f, g: f(
    MODEL, g['params'], posed_of(g), g['noise'], (GRAY,), g['target']
  ),
  'log_importance_weights': lambda f, g: f(
    MODEL, g['params'], g['views'], g['context'], g['target'], g['noises'], 2, GRAY
  ),
}
OTHER_CALLS = {
  importance.estimate: lambda f, g: f(lambda key: jax.random.normal(key, (2,)), g['key'], 5, 2),
  annealing.lower_bound: lambda f, g: f(chains_of(g)),
  annealing.upper_bound: lambda f, g: f(chains_of(g)),
  calibration.transform: lambda f, g: f(predicted(g['unit']), g['unit'], 0.3, g['key'], 2),
  calibration.noise: lambda f, g: f(predicted(g['unit']), g['unit'], g['key'], 3),
  calibration.coverage: lambda f, g: f(g['unit'], g['levels']),
  model.apply: lambda f, g: f(MODEL, g['params'], g['views'], method='encode'),
  model.elbo_terms: lambda f, g: f(
    MODEL, g['params'], g['views'], episodes_of(g), g['noise']
  ).loss(),
  model.sample_noise: lambda f, g: f(MODEL, g['key'], 2),
  model.add_opposite: lambda f, g: f(episodes_of(g)),
  model.sum_views: lambda f, g: f(g['z'], g['context'].swapaxes(0, 1)[..., :2]),
  cut_scenes: lambda f, g: f(MODEL.modalities, g['scenes'], g['ranges']),
}


def posed_of(given):
  return inference.Posed(given['seen'], given['seen'], given['views'])


def chains_of(given):
  return annealing.Chain(given['unit'][0], given['unit'][0], given['unit'][0])


def episodes_of(given):
  return Episodes(given['context'][None], given['target'][None])


def test_every_public_function_of_inference_is_called_here():
  assert set(CALLS) == {
    name for name in inference.__all__ if inspect.isfunction(getattr(inference, name))
  }


@pytest.mark.parametrize(
  ('function', 'call'),
  [
    *((getattr(inference, name), call) for name, call in CALLS.items()),
    *OTHER_CALLS.items(),
  ],
  ids=[*CALLS, *(function.__name__ for function in OTHER_CALLS)],
)
def test_numpy_arrays_give_what_jax_arrays_give(function, call):
  of_numpy = call(function, GIVEN)
  of_jax = call(function, jax.tree.map(jnp.asarray, GIVEN))
  assert jax.tree.leaves(of_jax)
  jax.tree.map(np.testing.assert_array_equal, of_numpy, of_jax)
