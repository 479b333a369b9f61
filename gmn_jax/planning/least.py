"""The least memory that a step needs, known in seconds, before it is compiled.

A compiler may compute anything again instead of keeping it, but not what a loop returns: what the
draw steps leave for the backward pass has to stay in memory until that has used it. With the
parameters, the optimiser's state and the scenes it is most of what a step takes.
"""

import math
from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Var

from gmn_jax.planning.compiled import Traced


def least_bytes(traced: Traced) -> int:
  """Bytes that a step on one device has to hold at once, tiles not filled up."""
  arguments = sum(map(_bytes, jax.tree.leaves(traced.inputs)))
  return arguments + most_kept(traced.program.update.trace(*traced.inputs).jaxpr)


def most_kept(program: ClosedJaxpr | Jaxpr) -> int:
  """The most bytes of results of loops that are still to be used, at any moment of a program.

  A loop that goes round once is none.
  """
  program = getattr(program, 'jaxpr', program)
  used_last = {
    atom: number
    for number, operation in enumerate(program.eqns)
    for atom in operation.invars
    if isinstance(atom, Var)
  }
  used_last |= {atom: len(program.eqns) for atom in program.outvars if isinstance(atom, Var)}
  kept, held, most = {}, 0, 0
  for number, operation in enumerate(program.eqns):
    inside = max(map(most_kept, _programs(operation)), default=0)
    most = max(most, held + inside)
    if operation.primitive.name == 'scan' and operation.params['length'] > 1:
      kept |= {result: _bytes(result.aval) for result in operation.outvars if result in used_last}
      held = sum(kept.values())
      most = max(most, held)
    for atom in operation.invars:
      if isinstance(atom, Var) and used_last[atom] == number:
        held -= kept.pop(atom, 0)
  return most


def _programs(operation: JaxprEqn) -> Iterator[ClosedJaxpr | Jaxpr]:
  for value in operation.params.values():
    for part in value if isinstance(value, tuple | list) else (value,):
      if isinstance(part, ClosedJaxpr | Jaxpr):
        yield part


def _bytes(array: Any) -> int:
  return math.prod(array.shape) * array.dtype.itemsize
