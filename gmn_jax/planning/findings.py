"""What a compiled program shows: collectives, estimated time, and where bytes are wasted."""

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gmn_jax.planning.hlo import Operation, Program

_COLLECTIVES = (
  'all-reduce',
  'all-gather',
  'reduce-scatter',
  'all-to-all',
  'collective-permute',
  'collective-broadcast',
)
_LAYOUT = ('copy', 'transpose')
# Of a fusion that does nothing else, these change no number.
_PLAIN = (*_LAYOUT, 'parameter', 'bitcast', 'reshape', 'tuple', 'get-tuple-element')
_PRODUCTS = ('convolution', 'dot')
# Takes no memory of its own, moves ahead of time what is needed next, or is told by itself.
_QUIET = (
  'parameter', 'constant', 'tuple', 'get-tuple-element', 'bitcast', 'iota', 'partition-id',
  'while', 'conditional', 'call', 'fusion', 'custom-call', 'after-all', 'opt-barrier',
  'rng-get-and-update-state', 'rng-bit-generator', 'sort', 'copy-start', 'copy-done',
  'slice-start', 'slice-done', 'async-start', 'async-update', 'async-done',
)  # fmt: skip
# Smaller arrays cost the time of starting an operation, whatever it does.
_SMALL = 2**16


class Collective(NamedTuple):
  """What devices exchange in a step, of one kind.

  Attributes:
    kind: as in 'all-reduce'.
    count: how many a step.
    bytes: of the whole arrays that one device gives or gets, in all of them.
  """

  kind: str
  count: int
  bytes: int


class Group(NamedTuple):
  """Operations of one line of the source.

  Attributes:
    line: as in 'model/experts.py:123'.
    path: the end of where in the JAX program the largest of them was asked for.
    shape: of its result.
    count: how many a step.
    bytes: that they write.
    filling: of these, what tiles are filled up with.
    seconds: that XLA estimates for them, in a step; 0 where it does not tell.
  """

  line: str
  path: str
  shape: str
  count: int
  bytes: int
  filling: int
  seconds: float


def collectives(program: Program) -> list[Collective]:
  """What devices exchange in a step, by kind; the largest first."""
  counts, sizes = collections.Counter(), collections.Counter()
  for times, operation in program.executed():
    for part in program.within(operation):
      kind = part.code.removesuffix('-start')
      if kind in _COLLECTIVES:
        counts[kind] += times
        sizes[kind] += times * _exchanged(program, part, kind)
  return [Collective(kind, counts[kind], size) for kind, size in sizes.most_common()]


def _exchanged(program: Program, operation: Operation, kind: str) -> int:
  """Bytes of the whole arrays: of what is given or of what comes back, whichever is more."""
  given = sum(program.named(name).bytes for name in operation.operands)
  back = operation.bytes
  # The start of one returns what was given beside what comes back; that of an all-reduce does not.
  if kind not in (operation.code, 'all-reduce'):
    back -= given
  return max(given, back)


def estimated_cycles(program: Program) -> int:
  """Cycles that XLA estimates for all operations, each as often as it is carried out; 0: it does
  not tell, as for CPUs.
  """
  return sum(times * (operation.cycles or 0) for times, operation in program.executed())


def layout_changes(program: Program, clock_hz: float) -> list[Group]:
  """Copies and transposes, also those that are fused with nothing else; the costliest first."""

  def is_one(operation: Operation) -> bool:
    if operation.code != 'fusion':
      return operation.code in _LAYOUT
    codes = {part.code for part in program.within(operation)} - {'fusion'}
    return bool(codes & set(_LAYOUT)) and codes <= set(_PLAIN)

  return _groups(_chosen(program, is_one), clock_hz)


def unfused(program: Program, clock_hz: float) -> list[Group]:
  """Operations on arrays, other than products, copies and collectives, that are carried out by
  themselves; the costliest first.
  """

  def is_one(operation: Operation) -> bool:
    code = operation.code.removesuffix('-start').removesuffix('-done')
    known = (*_QUIET, *_LAYOUT, *_PRODUCTS, *_COLLECTIVES)
    return operation.code not in known and code not in known and operation.bytes >= _SMALL

  return _groups(_chosen(program, is_one), clock_hz)


def products(program: Program, clock_hz: float) -> list[Group]:
  """Convolutions and matrix products with what is fused with them; the costliest first."""

  def is_one(operation: Operation) -> bool:
    return any(part.code in _PRODUCTS for part in program.within(operation))

  return _groups(_chosen(program, is_one), clock_hz)


def other_fusions(program: Program, clock_hz: float) -> list[Group]:
  """Fusions of anything but products and mere changes of layout; the costliest first."""

  def is_one(operation: Operation) -> bool:
    codes = {part.code for part in program.within(operation)} - {'fusion'}
    return operation.code == 'fusion' and not (codes & set(_PRODUCTS) or codes <= set(_PLAIN))

  return _groups(_chosen(program, is_one), clock_hz)


def filled_up(program: Program, clock_hz: float) -> list[Group]:
  """Operations whose results tiles fill up to twice their size or more; those first that write the
  most filling.
  """

  def is_one(operation: Operation) -> bool:
    told = operation.code in ('fusion', *_LAYOUT, *_PRODUCTS, *_COLLECTIVES)
    return told and _SMALL <= operation.bytes <= 2 * operation.filling

  groups = _groups(_chosen(program, is_one), clock_hz)
  return sorted(groups, key=lambda group: group.filling, reverse=True)


def _chosen(
  program: Program, is_one: Callable[[Operation], bool]
) -> Iterator[tuple[int, Operation]]:
  return ((times, operation) for times, operation in program.executed() if is_one(operation))


def _groups(found: Iterable[tuple[int, Operation]], clock_hz: float) -> list[Group]:
  """Operations by their line of the source, those first that take the most time, or bytes."""
  by_line: dict[str, list[tuple[int, Operation]]] = collections.defaultdict(list)
  for times, operation in found:
    by_line[operation.line].append((times, operation))
  groups = []
  for line, members in by_line.items():
    _, largest = max(members, key=lambda member: member[0] * member[1].bytes)
    groups.append(
      Group(
        line=line,
        path=largest.path,
        shape=' '.join(map(str, largest.arrays[:1])),
        count=sum(times for times, _ in members),
        bytes=sum(times * operation.bytes for times, operation in members),
        filling=sum(times * operation.filling for times, operation in members),
        seconds=sum(times * (operation.cycles or 0) for times, operation in members) / clock_hz,
      )
    )
  return sorted(groups, key=lambda group: (group.seconds, group.bytes), reverse=True)
