"""Convolutions lifted over experts.

Where all experts share a kernel (P = 1) that is folding E into the batch, elsewhere (P = E) an
unrolled loop over kernels. `jax.vmap` would compute the same, but the kernel's gradient once per
expert where it is shared, and a grouped convolution where it is not, which XLA runs about 20 times
slower on a CPU.

Dims: P sets of parameters, E experts, N episodes, h w latent grid, I O C input, output and any
channels, L hidden channels of an LSTM, K kernel size.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.layers.convolution import Kernel, convolve, prepare

Array = jax.Array


def ready(kernel_PKKIO: Array, like_ENhwC: Array, times: int) -> list[Kernel]:
  """The kernels, ready for `lift` to convolve images of that shape so many times."""
  experts, episodes, *grid = like_ENhwC.shape[:-1]
  images = experts * episodes if len(kernel_PKKIO) == 1 else episodes
  return [prepare(kernel, (images, *grid), times) for kernel in kernel_PKKIO]


def lift(x: Array, kernels: Array | list[Kernel]) -> Array:
  """Convolves (E, N, h, w, I), or (1, N, h, w, I) that all experts read, with their kernels, (P, K,
  K, I, O) or those made ready: (E, N, h, w, O).
  """
  if len(kernels) == 1:
    return convolve(x.reshape(-1, *x.shape[2:]), kernels[0]).reshape(*x.shape[:-1], -1)
  per_expert = jnp.broadcast_to(x, (len(kernels), *x.shape[1:]))
  return jnp.stack([convolve(x_e, kernel) for x_e, kernel in zip(per_expert, kernels, strict=True)])


class Readers(NamedTuple):
  """All kernels that read one hidden state, side by side: one convolution feeds them.

  What each gets is split off at once. Slices taken later, of what a loop carries, are copies of
  their own on a TPU, as its compiler tells (docs/pod.md).

  Attributes:
    kernels: ready for `lift`.
    outputs: channels of each reader.
  """

  kernels: list[Kernel]
  outputs: tuple[int, ...]

  def read(self, hidden_ENhwL: Array) -> tuple[Array, ...]:
    """What each reader gets of the state, (E, N, h, w, O)."""
    *ends, _ = itertools.accumulate(self.outputs)
    return tuple(jnp.split(lift(hidden_ENhwL, self.kernels), ends, axis=-1))

  def of_zero(self, like_ENhwC: Array) -> tuple[Array, ...]:
    """The same of a state that is zero, without convolving it."""
    lead = like_ENhwC.shape[:-1]
    return tuple(jnp.zeros((*lead, outputs), like_ENhwC.dtype) for outputs in self.outputs)


def read_by(kernels_PKKLO: list[Array], like_ENhwC: Array, times: int) -> Readers:
  """The readers with these kernels, ready for states of that shape, so many times."""
  outputs = tuple(kernel.shape[-1] for kernel in kernels_PKKLO)
  return Readers(ready(jnp.concatenate(kernels_PKKLO, axis=-1), like_ENhwC, times), outputs)


def split_inputs(kernel_PKKIO: Array, *sizes: int) -> list[Array]:
  """The kernels by their input channels, each a group of so many."""
  *ends, _ = itertools.accumulate(sizes)
  return jnp.split(kernel_PKKIO, ends, axis=-2)
