"""The optimiser and the start of the small preset."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

from gmn_jax.config import make_model
from gmn_jax.model import Noise
from gmn_jax.optimisers import make_optimizer, muon
from gmn_jax.senses import cut_scenes
from gmn_jax.training.quiet_start import mean_biases, quiet_start
from tests import tiny
from tests.tiny_run import RANGES, random_batch, tiny_config


def update_of(params, **fields):
  """The first update of `params` under a gradient of noise."""
  optimizer = make_optimizer(
    tiny_config(warmup_steps=0, decay=0.0, learning_rate=0.01, bias_rate=1e-3, **fields)
  )
  gradient = jax.tree.map(
    lambda x: jnp.asarray(np.random.default_rng(x.size).normal(size=x.shape), x.dtype), params
  )
  return jax.jit(optimizer.update)(gradient, optimizer.init(params), params)[0]


PARAMS = {
  'encoders_rgb': {'Conv_0': {'kernel': jnp.ones((3, 3, 4, 8)), 'bias': jnp.ones(8)}},
  'experts': {
    'prior_gates_kernel': jnp.ones((2, 5, 5, 3, 4)),
    'prior_gates_bias': jnp.ones((2, 4)),
  },
  'initial_rgb': jnp.ones((2, 2, 4)),
}


def test_muon_gives_every_kernel_an_orthogonal_update_and_adam_the_rest():
  update = update_of(PARAMS, optimizer='muon', weight_decay=0.0)
  kernels = [update['encoders_rgb']['Conv_0']['kernel'], *update['experts']['prior_gates_kernel']]
  for kernel in kernels:
    singular = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)
    # Newton and Schulz's five steps end between 0.7 and 1.2 of the rate.
    assert singular.min() > 0.6 * 0.01 and singular.max() < 1.3 * 0.01
  for rest in (
    update['encoders_rgb']['Conv_0']['bias'],
    update['experts']['prior_gates_bias'],
    update['initial_rgb'],
  ):
    # Adam's first update is the gradient's sign; with Nesterov's momentum, longer than its rate.
    assert np.abs(rest).min() > 1e-3 and np.abs(rest).max() < 1.001 * np.abs(rest).min() < 2e-3


def test_muon_equals_optax_whose_iterations_multiply_the_whole_kernel():
  def whole(params):
    return jax.tree.map(
      lambda x: contrib.MuonDimensionNumbers(tuple(range(x.ndim - 1)), x.ndim - 1), params
    )

  rng = np.random.default_rng(0)
  shapes = {'a': (5, 5, 6, 8), 'b': (7, 30), 'c': (40, 4)}
  gradient = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
  # Of nearly one direction, the others down to a millionth of it.
  gradient['d'] = (np.logspace(0, -6, 8) * np.linalg.qr(rng.normal(size=(9, 8)))[0]).astype('f')
  updates = [
    jax.jit(optimizer.update)(gradient, optimizer.init(gradient), gradient)[0]
    for optimizer in (
      muon(optax.constant_schedule(0.01), weight_decay=0.1),
      contrib.muon(0.01, weight_decay=0.1, muon_weight_dimension_numbers=whole),
    )
  ]
  chex.assert_trees_all_close(*updates, atol=1e-2 * 1e-3)


def test_weight_decay_takes_its_part_of_kernels_alone():
  shrunk = update_of(PARAMS, optimizer='muon', weight_decay=0.5)
  kept = update_of(PARAMS, optimizer='muon', weight_decay=0.0)
  taken = jax.tree.map(lambda a, b: a - b, shrunk, kept)
  np.testing.assert_allclose(taken['encoders_rgb']['Conv_0']['kernel'], -0.01 * 0.5, atol=1e-7)
  np.testing.assert_allclose(taken['experts']['prior_gates_kernel'], -0.01 * 0.5, atol=1e-7)
  assert not taken['initial_rgb'].any() and not taken['experts']['prior_gates_bias'].any()


def test_rate_rises_stays_and_falls():
  optimizer = make_optimizer(
    tiny_config(optimizer='adam', steps=20, warmup_steps=4, decay=0.25, learning_rate=0.1)
  )
  params = {'bias': jnp.ones(3)}
  state, rates = optimizer.init(params), []
  update = jax.jit(optimizer.update)
  for _ in range(20):
    # Under equal gradients every update of Adam is its rate.
    change, state = update(params, state, params)
    rates.append(float(jnp.abs(change['bias']).max()))
  rises, stays, falls = [0, 0.25, 0.5, 0.75], [1] * 12, [0.8, 0.6, 0.4, 0.2]
  np.testing.assert_allclose(rates[:4] + rates[-4:], 0.1 * np.array(rises + falls), atol=1e-5)
  np.testing.assert_allclose(rates[4:-4], 0.1 * np.array(stays), atol=1e-5)


@pytest.mark.long
def test_quiet_start_renders_the_mean_and_believes_nothing():
  config = tiny_config()
  model = make_model(config)
  views = cut_scenes(model.modalities, random_batch(2), RANGES)
  noise = jax.tree.map(jnp.float32, tiny.draw_params(model))
  params = quiet_start(noise, mean_biases(model, views))
  apply = jax.jit(functools.partial(model.apply, {'params': params}), static_argnames='method')
  z = 3 * jax.random.normal(jax.random.key(1), model.latents_shape(2))
  view_of = [jnp.ones((1, *query.shape[:2])) for query in views.queries]
  images, haptics = apply(z, view_of, views.queries, method='render')
  np.testing.assert_allclose(
    images, np.broadcast_to(views.senses[0].mean((0, 1, 2, 3)), images.shape), rtol=1e-5
  )
  np.testing.assert_allclose(
    haptics, np.broadcast_to(views.senses[1].mean((0, 1)), haptics.shape), rtol=1e-4, atol=1e-5
  )
  encoded = apply(views, method='encode')
  context = jnp.ones((1, 2, 2, views.queries[0].shape[1]), bool)
  prior = apply(encoded, context, Noise(z), method='sample_prior').prior
  assert not prior.mean.any() and np.ptp(prior.logvar) < 1e-6
