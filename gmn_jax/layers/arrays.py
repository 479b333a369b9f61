"""NumPy arrays where JAX arrays are computed with: taken as `jax.jit` takes them."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

_Taken = ParamSpec('_Taken')
_Given = TypeVar('_Given')


def takes_numpy(function: Callable[_Taken, _Given]) -> Callable[_Taken, _Given]:
  """Lets a function of JAX arrays take NumPy arrays, with the same results.

  Without it only what is compiled does: a NumPy array has no `.at`, and keeps float64 where JAX
  computes in float32.
  """

  @functools.wraps(function)
  def converting(*args: _Taken.args, **kwargs: _Taken.kwargs) -> _Given:
    args, kwargs = jax.tree.map(_converted, (args, kwargs))
    return function(*args, **kwargs)

  return converting


def _converted(leaf: Any) -> Any:
  # What is no number, such as the model itself, passes as it is; so does a plain number, which may
  # be static where the function is compiled.
  numbers = isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in 'biufc'
  return jnp.asarray(leaf) if numbers else leaf
