"""What saves memory or time changes no update: accumulation, rematerialisation, bfloat16."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.jaxprs import equations
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step

pytestmark = pytest.mark.long


def updated(**fields):
  """State and metrics after one step of the tiny config with `fields`."""
  config = tiny_config(batch_size=4, quiet_start=False, optimizer='adam', **fields)
  step, state = tiny_step(config)
  return jax.jit(step)(state, random_batch(4), RANGES)


@functools.cache
def plain(pooling='product'):
  return updated(pooling=pooling)


@pytest.mark.parametrize(
  ('pooling', 'fields'),
  [
    ('product', {'accumulate': 2}),
    ('product', {'remat': True}),
    ('anchored', {'accumulate': 2, 'remat': True}),
  ],
)
def test_parts_and_rematerialisation_make_the_same_update(pooling, fields):
  state, metrics = updated(pooling=pooling, **fields)
  expected_state, expected = plain(pooling)
  # Of the first moments, since the first update of Adam is the gradient's sign.
  chex.assert_trees_all_close(
    [leaf for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim],
    [leaf for leaf in jax.tree.leaves(expected_state.opt_state) if leaf.ndim],
    rtol=1e-4,
    atol=1e-9,
  )
  chex.assert_trees_all_close(metrics, expected, rtol=1e-5, atol=1e-5)


def test_bfloat16_keeps_what_must_stay_exact():
  state, metrics = updated(dtype='bfloat16')
  expected_state, expected = plain()
  chex.assert_trees_all_equal_dtypes(state, expected_state)
  chex.assert_trees_all_equal_dtypes(metrics, expected)
  for name in ('loss', 'squared_error/rgb', 'gradient_norm', 'kl'):
    # bfloat16 holds eight bits: far from float32's rounding, near its numbers.
    np.testing.assert_allclose(metrics[name], expected[name], rtol=0.02, err_msg=name)
  assert metrics['loss'] != expected['loss']


def test_bfloat16_is_what_convolutions_compute_in():
  config = tiny_config(dtype='bfloat16')
  step, state = tiny_step(config)
  jaxpr = jax.make_jaxpr(functools.partial(step))(state, random_batch(2), RANGES)
  dtypes = {
    variable.aval.dtype
    for equation in equations(jaxpr.jaxpr)
    if equation.primitive.name == 'conv_general_dilated'
    for variable in equation.invars
  }
  assert dtypes == {jnp.dtype('bfloat16')}
