"""The authors' form of the loss, which the bench times, is the model's own loss."""

import functools

import jax
import numpy as np
import pytest

from experiments.bench import plain
from gmn_jax.model import add_opposite, objective
from tests import tiny

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.long]

# B = 2 scenes, M = 2 modalities, V = 4 views; of the second scene, touch is absent.
CONTEXT = [[[1, 1, 0, 0], [1, 0, 0, 0]], [[0, 1, 0, 0], [0, 0, 0, 0]]]
TARGET = [[[0, 0, 1, 0], [0, 1, 1, 0]], [[1, 0, 1, 0], [0, 0, 0, 0]]]
STD = 0.3


@pytest.mark.parametrize(
  ('variant', 'informed'), [('apoe', True), ('poe', False), ('baseline', True)]
)
def test_loss_and_gradients_are_the_models_own(variant, informed):
  model = tiny.make_model(variant, (tiny.LEFT, tiny.TOUCH), informed=informed)
  views = tiny.draw_views(model)
  episodes = add_opposite(tiny.make_episodes(CONTEXT, TARGET))
  noise = tiny.draw_noise(model, len(episodes.context) * len(views.queries[0]))

  def own(params):
    return objective.elbo_terms(model, params, views, episodes, noise).loss(STD)

  def authors(params):
    return plain.loss(model, params, views, episodes, noise, STD)

  params = tiny.draw_params(model)
  expected, expected_gradient = jax.jit(jax.value_and_grad(own))(params)
  loss, gradient = jax.jit(jax.value_and_grad(authors))(params)
  assert loss.dtype == np.float64
  np.testing.assert_allclose(loss, expected, rtol=1e-11)
  # Relative to the largest number of each array: sums over views are ordered differently.
  assert_close = functools.partial(np.testing.assert_allclose, rtol=1e-9)
  jax.tree.map(
    lambda a, b: assert_close(a, b, atol=1e-9 * np.abs(b).max()), gradient, expected_gradient
  )
