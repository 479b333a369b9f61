"""Convolutions and the LSTM cell with gradients of their own, against plain ones by autodiff."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.layers.convolution import constant_response, convolve, double, halve
from gmn_jax.layers.lstm import lstm_cell

pytestmark = pytest.mark.usefixtures('x64')


def plain_convolution(x, kernel, *, stride=1, padding='SAME'):
  return jax.lax.conv_general_dilated(
    x, kernel, (stride, stride), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def scattered(x, kernel):
  """Transposed convolution by definition: out[2i - 1 + a, 2j - 1 + b] += x[i, j] kernel[a, b]."""
  n, height, width, _ = x.shape
  out = jnp.zeros((n, 2 * height + 2, 2 * width + 2, kernel.shape[-1]))
  for a, b in np.ndindex(4, 4):
    tap = jnp.einsum('nhwi,io->nhwo', x, kernel[a, b])
    out = out.at[:, a : a + 2 * height : 2, b : b + 2 * width : 2].add(tap)
  return out[:, 1:-1, 1:-1]


def plain_cell(gates, cell):
  i, f, o, g = jnp.split(gates, 4, axis=-1)
  cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
  return jax.nn.sigmoid(o) * jnp.tanh(cell), cell


@functools.partial(jax.jit, static_argnums=0)
def value_and_pullback(function, *inputs):
  outputs, pull = jax.vjp(function, *inputs)
  cotangents = [jnp.cos(jnp.arange(y.size)).reshape(y.shape) for y in jax.tree.leaves(outputs)]
  return outputs, pull(jax.tree.unflatten(jax.tree.structure(outputs), cotangents))


def assert_same_values_and_gradients(function, definition, *inputs):
  ours, expected = (value_and_pullback(f, *inputs) for f in (function, definition))
  for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
    np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12 * np.abs(y).max())


def normals(*shapes):
  rng = np.random.default_rng(0)
  return [rng.standard_normal(shape) for shape in shapes]


# Gradients of narrow inputs have a form of their own.
@pytest.mark.parametrize('inputs, outputs', [(3, 4), (2, 5)])
@pytest.mark.parametrize('size', [1, 3, 5])
@pytest.mark.parametrize('height, width', [(6, 7), (2, 3), (1, 1)])
def test_convolve(size, height, width, inputs, outputs):
  x, kernel = normals((2, height, width, inputs), (size, size, inputs, outputs))
  assert_same_values_and_gradients(convolve, plain_convolution, x, kernel)


def test_convolve_inside_a_loop():
  x, kernel = normals((2, 4, 3, 3), (5, 5, 3, 3))

  def repeat(convolution):
    def run(x, kernel):
      def step(carry, _):
        return jnp.tanh(convolution(carry, kernel)), None

      return jax.lax.scan(step, x, length=4)[0]

    return run

  assert_same_values_and_gradients(repeat(convolve), repeat(plain_convolution), x, kernel)


def test_halve():
  x, kernel = normals((2, 6, 8, 3), (2, 2, 3, 4))
  definition = functools.partial(plain_convolution, stride=2, padding='VALID')
  assert_same_values_and_gradients(halve, definition, x, kernel)


@pytest.mark.long
@pytest.mark.parametrize('height, width', [(4, 3), (1, 2)])
def test_double(height, width):
  x, kernel = normals((2, height, width, 3), (4, 4, 3, 2))
  assert_same_values_and_gradients(double, scattered, x, kernel)


@pytest.mark.parametrize('size', [3, 5])
@pytest.mark.parametrize('height, width', [(6, 7), (2, 1)])
def test_constant_response_is_the_convolution_of_a_constant_image(size, height, width):
  (kernel,) = normals((size, size, 2, 3))

  def respond_to_ones(kernel):
    ones = jnp.ones((1, height, width, 1))
    return jnp.stack(
      [plain_convolution(ones, kernel[:, :, i : i + 1])[0] for i in range(2)], axis=2
    )

  assert_same_values_and_gradients(
    lambda kernel: constant_response(kernel, height, width), respond_to_ones, kernel
  )


def test_lstm_cell():
  gates, cell = normals((2, 3, 3, 20), (2, 3, 3, 5))
  assert_same_values_and_gradients(lstm_cell, plain_cell, 3 * gates, cell)
