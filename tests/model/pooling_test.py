"""A pooling of one's own: the geometric mean of the experts, whose belief does not grow surer with
their number.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.model import POOLINGS, Pooling, apply
from mese_env.errors import UserError
from tests import tiny
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step

pytestmark = pytest.mark.long


def geometric_mean(mean_E, logvar_E, present_E=None):
  """The mean of E precisions, and of E means weighted by those."""
  precision_E = jnp.exp(-logvar_E)
  weight_E = jnp.ones_like(mean_E) if present_E is None else present_E * jnp.ones_like(mean_E)
  precision = (weight_E * precision_E).sum(axis=0) / weight_E.sum(axis=0)
  mean = (weight_E * precision_E * mean_E).sum(axis=0) / (weight_E * precision_E).sum(axis=0)
  return mean, -jnp.log(precision)


GEOMETRIC = Pooling('geometric', 'geometric mean', True, True, combine=geometric_mean)


@pytest.fixture
def geometric(monkeypatch):
  monkeypatch.setitem(POOLINGS, GEOMETRIC.name, GEOMETRIC)


def test_it_trains_like_those_that_come_along(geometric):
  step, state = tiny_step(tiny_config(variant='geometric', learning_rate=1e-2))
  step, batch, losses = jax.jit(step), random_batch(2), []
  for _ in range(20):
    state, metrics = step(state, batch, RANGES)
    losses.append(float(metrics['loss']))
  assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_its_belief_is_that_of_the_model(geometric):
  model = tiny.make_model('geometric')
  params, views, noise = tiny.draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 2)
  everything = tiny.make_episodes(np.ones((2, 3, 4)), np.zeros((2, 3, 4)))
  draw, _ = jax.jit(functools.partial(apply, model))(params, views, everything, noise)
  precision = np.exp(-draw.posterior_experts.logvar).mean(axis=2)
  np.testing.assert_allclose(np.exp(-draw.posterior.logvar), precision, rtol=1e-4)


def test_a_pooling_that_tells_apart_what_differs_already_is_refused():
  with pytest.raises(UserError, match="pooling 'named' identifies experts"):
    Pooling('named', 'named', shared=False, identify=True)
