"""The arithmetic of a function, counted where JAX traces it: its convolutions and matrix products.

A matrix product takes as many multiply-accumulates as it has outputs, times the length of what it
sums over. A convolution takes one for each output and each tap of its kernel, times the input
channels that the output reads. Multiplications with the padding count, as they do in the peak of
`peak.py`; those with the holes that a dilation leaves between inputs do not. So a "same"
convolution and its two gradients take equally many, however they are written.

Where tiles compute a convolution on a CPU (`layers/tiles.py`), the direct form counts: it is what
the model asks for. What is computed instead, transforms included, counts if the platform is named.

Elementwise work, sums, sorting and random numbers are not counted. What XLA leaves out or computes
twice when it compiles is not known here.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from gmn_jax.training.train_step import TrainState


def step_flops(
  step: Callable,
  optimizer: optax.GradientTransformation,
  state: TrainState,
  *inputs: Any,
  platform: str | None = None,
) -> int:
  """Counts the floating-point operations of a training step's forward and backward passes, two for
  each multiply-accumulate.

  The optimiser's are taken off, so that the number is the model's, whatever trains it. Resizing
  images to the model's size is in it: that is a matrix product too.

  Args:
    step: the training step; if it is jitted, it is not traced a second time to be compiled.
    optimizer: with which it updates.
    state: what `step` is called with, arrays or their `jax.ShapeDtypeStruct`.
    *inputs: the rest of it, likewise.
    platform: as `count_macs` takes it.
  """
  whole = count_macs(step, state, *inputs, platform=platform)
  update = count_macs(
    optimizer.update, state.params, state.opt_state, state.params, platform=platform
  )
  return 2 * (whole - update)


def count_macs(function: Callable, *args: Any, platform: str | None = None) -> int:
  """Counts the multiply-accumulates of a function's convolutions and matrix products.

  A scan counts as often as it goes round, a rematerialised function as often as it is computed, the
  body of a `shard_map` once for every device, and any other function within once. Of the branches
  of `platform_dependent` the default one counts, so that a number is the same on every machine, or
  that of `platform`; of other branches, the one with most.

  Args:
    function: what JAX can trace.
    *args: arrays or `jax.ShapeDtypeStruct`, in any pytrees.
    platform: 'cpu', 'cuda' or 'tpu'; None: what counts is the same on all.

  Raises:
    ValueError: there are products in a loop of unknown length.
  """
  # A jitted function that has options for its compiler cannot be traced inside another.
  if isinstance(function, jax.stages.Wrapped):
    return _count(function.trace(*args).jaxpr, platform)
  return _count(jax.make_jaxpr(function)(*args), platform)


def _count(program: ClosedJaxpr | Jaxpr, platform: str | None) -> int:
  operations = getattr(program, 'jaxpr', program).eqns
  return sum(_count_one(operation, platform) for operation in operations)


def _shape_of(atom: Any) -> tuple[int, ...]:
  """Of an array in the program; every operand of a product is one."""
  return atom.aval.shape


def _count_one(operation: JaxprEqn, platform: str | None) -> int:
  name, params = operation.primitive.name, operation.params
  if name == 'dot_general':
    (contracted, _), _ = params['dimension_numbers']
    lhs, out = _shape_of(operation.invars[0]), _shape_of(operation.outvars[0])
    return math.prod(out) * math.prod(lhs[axis] for axis in contracted)
  if name == 'conv_general_dilated':
    return _count_convolution(operation)
  counts = [_count(inner, platform) for inner in _programs(params)]
  if name == 'cond':
    return _of_branches(counts, params.get('branches_platforms') or (), platform)
  if name == 'scan':
    return params['length'] * sum(counts)
  if name == 'shard_map':
    devices = math.prod(params['mesh'].shape[axis] for axis in params['newly_manual_axes'])
    return devices * sum(counts)
  if name == 'while' and any(counts):
    raise ValueError('products in a loop of unknown length cannot be counted; use a scan.')
  return sum(counts)


def _of_branches(
  counts: list[int], platforms: tuple[tuple[str, ...] | None, ...], platform: str | None
) -> int:
  if None not in platforms:
    return max(counts)
  ours = [i for i, named in enumerate(platforms) if platform in (named or ())]
  return counts[ours[0] if ours else platforms.index(None)]


def _programs(params: dict[str, Any]) -> Iterator[ClosedJaxpr | Jaxpr]:
  for value in params.values():
    for part in value if isinstance(value, tuple | list) else (value,):
      if isinstance(part, ClosedJaxpr | Jaxpr):
        yield part


def _count_convolution(operation: JaxprEqn) -> int:
  kernel, out = _shape_of(operation.invars[1]), _shape_of(operation.outvars[0])
  params = operation.params
  _, of_kernel, of_out = params['dimension_numbers']
  # Groups need no care: the kernel has only the channels, and the result only the rows, of a group.
  total = kernel[of_kernel[1]] * math.prod(out[axis] for axis in of_out[:2])
  for taps_axis, out_axis, stride, padding, kernel_dilation, dilation in zip(
    of_kernel[2:],
    of_out[2:],
    params['window_strides'],
    params['padding'],
    params['rhs_dilation'],
    params['lhs_dilation'],
    strict=True,
  ):
    outputs, taps = np.arange(out[out_axis]), np.arange(kernel[taps_axis])
    read = stride * outputs[:, None] + kernel_dilation * taps - padding[0]
    total *= int(np.count_nonzero(read % dilation == 0))
  return total
