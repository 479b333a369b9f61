"""What a traced function does, equation by equation."""

from collections.abc import Iterator
from typing import Any

import jax


def equations(jaxpr: Any) -> Iterator[Any]:
  """Its equations, and those of what its loops and calls hold."""
  for equation in jaxpr.eqns:
    yield equation
    for parameter in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, 'eqns')):
      inner = getattr(parameter, 'jaxpr', parameter)
      if hasattr(inner, 'eqns'):
        yield from equations(inner)
