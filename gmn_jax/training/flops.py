"""The arithmetic of a function, counted where JAX traces it: its convolutions and matrix products.

A matrix product takes as many multiply-accumulates as it has outputs, times the length of what it
sums over. A convolution takes one for each output and each tap of its kernel, times the input
channels that the output reads. Multiplications with the padding count, as they do in the peak of
`peak.py`; those with the holes that a dilation leaves between inputs do not. So a "same"
convolution and its two gradients take equally many, however they are written. How many multiply
padding can be counted apart (`count_padding_macs`).

Where tiles compute a convolution on a CPU (`layers/tiles.py`), the direct form counts: it is what
the model asks for. What is computed instead, transforms included, counts if the platform is named.

Elementwise work, sums, sorting and random numbers are not counted. What XLA leaves out or computes
twice when it compiles is not known here.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from gmn_jax.training.train_step import TrainState

_MadeBy = Mapping[Var, JaxprEqn]  # the operation from which an array comes
# By the version of JAX.
_CALLS = 'jit', 'pjit'
_MANUAL_AXES = 'newly_manual_axes', 'manual_axes'
_PLATFORMS = {'gpu': ('cuda', 'rocm')}  # devices have one name where branches have two


class _Counted(NamedTuple):
  """Which products count.

  Attributes:
    platform: as in `count_macs`.
    padding: only those with zeros that pad images.
  """

  platform: str | None = None
  padding: bool = False


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
    platform: as in `count_macs`.
  """
  whole = count_macs(step, state, *inputs, platform=platform)
  return 2 * (whole - count_macs(optimizer.update, state.params, state.opt_state, state.params))


def count_macs(function: Callable, *args: Any, platform: str | None = None) -> int:
  """Counts the multiply-accumulates of a function's convolutions and matrix products.

  A scan counts as often as it goes round, a rematerialised function as often as it is computed, the
  body of a `shard_map` once for every device, and any other function within once. Of branches the
  one with most counts.

  Args:
    function: what JAX can trace.
    *args: arrays or `jax.ShapeDtypeStruct`, in any pytrees.
    platform: whose branch of `platform_dependent` counts, as devices name it; None: the default
      one, so that the number is the same on every machine.

  Raises:
    ValueError: there are products in a loop of unknown length.
  """
  # A jitted function that has options for its compiler cannot be traced inside another.
  if isinstance(function, jax.stages.Wrapped):
    return _count(function.trace(*args).jaxpr, _Counted(platform))
  return _count(jax.make_jaxpr(function)(*args), _Counted(platform))


def count_padding_macs(function: Callable, *args: Any) -> int:
  """Counts those of `count_macs` in which a convolution multiplies zeros that pad its images,
  whether it pads them or they were padded just before.
  """
  if isinstance(function, jax.stages.Wrapped):
    return _count(function.trace(*args).jaxpr, _Counted(padding=True))
  return _count(jax.make_jaxpr(function)(*args), _Counted(padding=True))


def _count(program: ClosedJaxpr | Jaxpr, counted: _Counted) -> int:
  inner = program.jaxpr if isinstance(program, ClosedJaxpr) else program
  made_by = _made_by(inner)
  return sum(_count_one(operation, made_by, counted) for operation in inner.eqns)


def _shape_of(atom: Any) -> tuple[int, ...]:
  """Of an array in the program; every operand of a product is one."""
  return atom.aval.shape


def _count_one(operation: JaxprEqn, made_by: _MadeBy, counted: _Counted) -> int:
  name, params = operation.primitive.name, operation.params
  if name == 'dot_general' and not counted.padding:
    (contracted, _), _ = params['dimension_numbers']
    lhs, out = _shape_of(operation.invars[0]), _shape_of(operation.outvars[0])
    return math.prod(out) * math.prod(lhs[axis] for axis in contracted)
  if name == 'conv_general_dilated':
    products = _count_convolution(operation)
    return products - _count_convolution(operation, made_by) if counted.padding else products
  counts = [_count(inner, counted) for inner in _programs(params)]
  if name == 'cond':
    platforms = params.get('branches_platforms') or ()
    wanted = _PLATFORMS.get(counted.platform or '', (counted.platform,))
    chosen = [n for n, names in enumerate(platforms) if names and not {*wanted}.isdisjoint(names)]
    chosen += [n for n, names in enumerate(platforms) if names is None]
    return counts[chosen[0]] if chosen else max(counts)
  if name == 'scan':
    return params['length'] * sum(counts)
  if name == 'shard_map':
    axes = next(params[axes] for axes in _MANUAL_AXES if axes in params)
    devices = math.prod(params['mesh'].shape[axis] for axis in axes)
    return devices * sum(counts)
  if name == 'while' and any(counts):
    raise ValueError('products in a loop of unknown length cannot be counted; use a scan.')
  return sum(counts)


def _programs(params: dict[str, Any]) -> Iterator[ClosedJaxpr | Jaxpr]:
  for value in params.values():
    for part in value if isinstance(value, tuple | list) else (value,):
      if isinstance(part, ClosedJaxpr | Jaxpr):
        yield part


def _count_convolution(operation: JaxprEqn, made_by: _MadeBy | None = None) -> int:
  """All of its products, or with `made_by`, the operations before it, those without padding."""
  kernel, out = _shape_of(operation.invars[1]), _shape_of(operation.outvars[0])
  params = operation.params
  of_images, of_kernel, of_out = params['dimension_numbers']
  images = operation.invars[0]
  padded = _padding_of(images, made_by) if made_by is not None else None
  # Groups need no care: the kernel has only the channels, and the result only the rows, of a group.
  total = kernel[of_kernel[1]] * math.prod(out[axis] for axis in of_out[:2])
  for axis, taps_axis, out_axis, stride, padding, kernel_dilation, dilation in zip(
    of_images[2:],
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
    counted = read % dilation == 0
    if padded is not None:
      low, high = padded[axis]
      length = _shape_of(images)[axis]
      counted &= (read >= low * dilation) & (read < (length - high) * dilation)
    total *= int(np.count_nonzero(counted))
  return total


def _padding_of(atom: Any, made_by: _MadeBy) -> list[tuple[int, int]]:
  """How many zeros an array of the program has, of what the operations before it show, at both ends
  of each axis.
  """
  nothing = [(0, 0)] * len(_shape_of(atom))
  operation = None if isinstance(atom, Literal) else made_by.get(atom)
  if operation is None:
    return nothing
  name, params = operation.primitive.name, operation.params
  place = [made is atom for made in operation.outvars].index(True)
  if name == 'pad':
    return [(low, high) for low, high, _ in params['padding_config']]
  if name == 'optimization_barrier':
    return _padding_of(operation.invars[place], made_by)
  if name in _CALLS:  # `jnp.pad` is one.
    within = params['jaxpr'].jaxpr
    return _padding_of(within.outvars[place], _made_by(within))
  return nothing


def _made_by(program: Jaxpr) -> _MadeBy:
  return {made: operation for operation in program.eqns for made in operation.outvars}
