"""The cell of a convolutional LSTM, after its gates' convolutions."""

import jax
import jax.numpy as jnp

Array = jax.Array


def _activate(gates: Array) -> tuple[Array, Array, Array, Array]:
  # sigmoid(x) = 1/2 + tanh(x/2)/2: one tanh over all four gates.
  quarter = gates.shape[-1] // 4
  scale = jnp.concatenate([jnp.full(3 * quarter, 0.5, gates.dtype), jnp.ones(quarter, gates.dtype)])
  squashed = jnp.tanh(gates * scale)
  i, f, o, g = jnp.split(squashed, 4, axis=-1)
  return 0.5 + 0.5 * i, 0.5 + 0.5 * f, 0.5 + 0.5 * o, g


@jax.custom_vjp
def lstm_cell(gates: Array, cell: Array) -> tuple[Array, Array]:
  """One update: c' = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c').

  Its VJP keeps the activated gates, so that the backward pass has no transcendental function but
  one tanh.

  Args:
    gates: (..., 4 L) pre-activations in the order input, forget, output, cell.
    cell: (..., L).

  Returns:
    hidden (..., L) and the new cell (..., L).
  """
  i, f, o, g = _activate(gates)
  cell = f * cell + i * g
  return o * jnp.tanh(cell), cell


def _lstm_cell_forward(gates: Array, cell: Array) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
  i, f, o, g = _activate(gates)
  new_cell = f * cell + i * g
  return (o * jnp.tanh(new_cell), new_cell), (i, f, o, g, cell)


def _lstm_cell_backward(
  saved: tuple[Array, ...], grads: tuple[Array, Array]
) -> tuple[Array, Array]:
  i, f, o, g, cell = saved
  grad_hidden, grad_cell = grads
  squashed = jnp.tanh(f * cell + i * g)
  grad_cell = grad_cell + grad_hidden * o * (1 - squashed**2)
  grad_gates = jnp.concatenate(
    [
      grad_cell * g * i * (1 - i),
      grad_cell * cell * f * (1 - f),
      grad_hidden * squashed * o * (1 - o),
      grad_cell * i * (1 - g**2),
    ],
    axis=-1,
  )
  return grad_gates, grad_cell * f


lstm_cell.defvjp(_lstm_cell_forward, _lstm_cell_backward)
