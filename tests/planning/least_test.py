"""What loops leave for later is counted, and nothing else."""

import jax
import jax.numpy as jnp

from gmn_jax.planning.least import most_kept


def _scanned(length, x):
  # Each round leaves sin(x), or cos(x) for its gradient.
  return jax.lax.scan(lambda carry, _: (jnp.sin(carry), None), x, length=length)[0]


def test_what_a_loop_keeps_for_its_gradient_is_held_at_once():
  x = jnp.ones(1000, jnp.float32)
  kept = most_kept(jax.make_jaxpr(jax.grad(lambda x: _scanned(7, x).sum()))(x))
  # Seven derivatives, and the last value, of 1000 numbers.
  assert kept == 4 * 1000 * (7 + 1)
  # Forward there is the last value.
  assert most_kept(jax.make_jaxpr(lambda x: _scanned(7, x) + 1)(x)) == 4 * 1000


def test_a_loop_of_one_round_and_what_nothing_uses_are_not_counted():
  x = jnp.ones(1000, jnp.float32)
  assert most_kept(jax.make_jaxpr(lambda x: _scanned(1, x) + 1)(x)) == 0

  def unused(x):
    _, all_of_them = jax.lax.scan(lambda carry, _: (carry, jnp.sin(carry)), x, length=7)
    del all_of_them
    return x + 1

  assert most_kept(jax.make_jaxpr(unused)(x)) == 0


def test_two_loops_after_each_other_hold_no_more_than_one():
  x = jnp.ones(1000, jnp.float32)

  def twice(x):
    for _ in range(2):
      _, rows = jax.lax.scan(lambda carry, _: (carry, jnp.sin(carry)), x, length=7)
      x = rows.sum(axis=0)
    return x

  # The rows of the first loop are summed before the second one begins.
  assert most_kept(jax.make_jaxpr(twice)(x)) == 4 * 1000 * 7
  # Inside another function, and inside a loop's body, as when a batch is computed in parts.
  assert most_kept(jax.make_jaxpr(jax.jit(twice))(x)) == 4 * 1000 * 7

  def parts(x):
    return jax.lax.scan(lambda carry, _: (twice(carry), None), x, length=3)[0].sum()

  assert most_kept(jax.make_jaxpr(parts)(x)) == 4 * 1000 * 7
