"""Muon (Jordan et al. 2024) for kernels: momentum whose matrices are orthogonalised, in the
matrices' small dimension.

Newton and Schulz's iterations multiply a matrix X by polynomials of its Gram matrix X'X. Here all
are done on the Gram matrix, and X is multiplied once, at the end: for a kernel of 4,050 x 64 that
is two products of its size instead of ten. Kernels with Gram matrices of one size share their
iterations: with the small preset's m2, eight sets of products instead of 34, which would be most of
what a training step has to compile.

Dims: P sets of parameters, K kernel size, I O input and output channels, m n rows and columns, not
fewer rows than columns.
"""

import itertools
import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
  import optax

Array = jax.Array
_MOMENTUM = 0.95
# The authors': steep at zero, and after five iterations between 0.7 and 1.2.
_COEFFICIENTS = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


def muon(learning_rate: 'optax.Schedule', weight_decay: float) -> 'optax.GradientTransformation':
  """The optimiser of a tree of kernels.

  Args:
    learning_rate: spectral norm of the updates; of a kernel with more outputs than inputs, times
      the root of their ratio.
    weight_decay: decoupled weight decay, multiplied by the learning rate at each step.
  """
  # Training alone needs it (`optimiser.py`).
  import optax

  return optax.chain(
    optax.trace(_MOMENTUM, nesterov=True),
    optax.stateless(lambda updates, _: _orthogonal_kernels(updates)),
    optax.add_decayed_weights(weight_decay),
    optax.scale_by_learning_rate(learning_rate),
  )


def _orthogonal_kernels(kernels: Any) -> Any:
  """U V' of each X = U S V', nearly: singular values between 0.7 and 1.2 in the place of 1; those
  of X below a thousandth of its norm come out smaller. With more outputs than inputs, times the
  root of their ratio.
  """
  leaves, treedef = jax.tree.flatten(kernels)
  tall = [_tall(kernel) for kernel in leaves]
  by_size: dict[int, list[int]] = {}
  for i, x_Pmn in enumerate(tall):
    by_size.setdefault(x_Pmn.shape[-1], []).append(i)
  updates = list(leaves)
  for members in by_size.values():
    gram_Pnn = jnp.concatenate([tall[i].mT @ tall[i] for i in members])
    ends = itertools.accumulate(len(tall[i]) for i in members[:-1])
    for i, right_Pnn in zip(members, jnp.split(_inverse_root(gram_Pnn), [*ends]), strict=True):
      inputs, outputs = _sides(leaves[i])
      x_Pmn = tall[i] @ right_Pnn
      if inputs < outputs:
        x_Pmn = math.sqrt(outputs / inputs) * x_Pmn.mT
      updates[i] = x_Pmn.reshape(leaves[i].shape)
  return treedef.unflatten(updates)


def _inverse_root(gram_Pnn: Array) -> Array:
  """The power -1/2 of Gram matrices, nearly."""
  a, b, c = _COEFFICIENTS
  identity = jnp.eye(gram_Pnn.shape[-1], dtype=gram_Pnn.dtype)
  square = jnp.trace(gram_Pnn, axis1=-2, axis2=-1)[..., None, None] + 1e-30
  gram_Pnn, polynomial_Pnn = gram_Pnn / square, identity / jnp.sqrt(square)
  for _ in range(_ITERATIONS):
    factor_Pnn = a * identity + b * gram_Pnn + c * gram_Pnn @ gram_Pnn
    gram_Pnn, polynomial_Pnn = factor_Pnn @ gram_Pnn @ factor_Pnn, polynomial_Pnn @ factor_Pnn
  return polynomial_Pnn


def _tall(kernel: Array) -> Array:
  """P matrices (P, m, n) from inputs to outputs, or transposed where there are fewer inputs."""
  inputs, outputs = _sides(kernel)
  x = kernel.reshape(-1, inputs, outputs)
  return x.mT if inputs < outputs else x


def _sides(kernel: Array) -> tuple[int, int]:
  """Inputs and outputs of (K, K, I, O), (I, O), or (P, K, K, I, O)."""
  sets = kernel.shape[0] if kernel.ndim == 5 else 1
  outputs = kernel.shape[-1]
  return math.prod(kernel.shape) // (sets * outputs), outputs
