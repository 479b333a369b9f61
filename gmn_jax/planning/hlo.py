"""Reads a compiled program as XLA prints it: its operations, and how often each is carried out.

XLA's text is the one form that every backend gives. What a program is made of is read here; what is
to be learned from it is in `findings.py`.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

_NAME = r'%?[\w.\-]+'
_HEAD = re.compile(rf'^(?:ENTRY )?({_NAME}) \(.*\{{$')
_OPERATION = re.compile(rf'^\s+(ROOT )?({_NAME}) = ')
_CODE = re.compile(r'\s*([\w\-]+)\(')
_ARRAY = re.compile(r'\b([a-z]\w*)\[([\d,<=]*)\](?:\{([\d,]*)(?::([^}]*))?\})?')
_CALLED = re.compile(
  r'\b(calls|to_apply|body|condition|branch_computations|called_computations'
  rf'|true_computation|false_computation)=(?:\{{([^}}]*)\}}|({_NAME}))'
)
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_PATH = re.compile(r'\bop_name="([^"]*)"')
_FRAME = re.compile(r'\bstack_frame_id=(\d+)')
_LINE = re.compile(r'\bsource_file="([^"]*)" source_line=(\d+)')
# Carried out element by element, or once for a whole array, as part of the operation that calls it.
_PARTS = ('calls', 'to_apply')


class ArrayShape(NamedTuple):
  """An array as it lies in memory.

  Attributes:
    dtype: its name.
    dims: its lengths.
    order: its axes from the one whose numbers are neighbours to the outermost.
    tile: lengths to whose multiples the innermost axes are padded, the innermost last.
    space: the kind of memory; 0 is a TPU's HBM, 1 its vector memory.
  """

  dtype: str
  dims: tuple[int, ...]
  order: tuple[int, ...] = ()
  tile: tuple[int, ...] = ()
  space: int = 0

  @property
  def numbers(self) -> int:
    """How many it has."""
    return math.prod(self.dims)

  @property
  def bytes(self) -> int:
    """Of its numbers."""
    return math.ceil(self.numbers * self._number_bytes)

  @property
  def padded_bytes(self) -> int:
    """Of its numbers and of what its tiles are filled up with."""
    lengths = list(self.dims)
    for axis, length in zip(self.order, reversed(self.tile), strict=False):
      lengths[axis] = -(-lengths[axis] // length) * length
    return math.ceil(math.prod(lengths) * self._number_bytes)

  @property
  def _number_bytes(self) -> float:
    bits = re.search(r'\d+', self.dtype)
    return int(bits[0]) / 8 if bits else float(self.dtype == 'pred')

  def __str__(self) -> str:
    return f'{self.dtype}[{",".join(map(str, self.dims))}]'


class Operation(NamedTuple):
  """One operation of a program.

  Attributes:
    name: unique in the program.
    code: what it does, as in 'convolution'.
    arrays: its result, or all of them.
    operands: names of the operations whose results it takes.
    called: names of the computations that it calls, by how it calls them.
    path: where the JAX program asked for it, as in 'jit(train_step)/experts/while/body/add'.
    line: of the source, as in 'model/experts.py:123'; empty if not told.
    trips: of a loop whose length XLA knows; else None.
    cycles: that XLA estimates for it; None: it does not tell.
  """

  name: str
  code: str
  arrays: tuple[ArrayShape, ...]
  operands: tuple[str, ...]
  called: dict[str, tuple[str, ...]]
  path: str = ''
  line: str = ''
  trips: int | None = None
  cycles: int | None = None

  @property
  def bytes(self) -> int:
    """Of its result, as it lies in memory."""
    return sum(array.padded_bytes for array in self.arrays)

  @property
  def filling(self) -> int:
    """Of these, what tiles are filled up with."""
    return self.bytes - sum(array.bytes for array in self.arrays)


@dataclasses.dataclass(frozen=True)
class Program:
  """A compiled program.

  Attributes:
    computations: by name the operations of each, in their order.
    entry: the name of the first one.
  """

  computations: dict[str, list[Operation]]
  entry: str

  @functools.cached_property
  def _by_name(self) -> dict[str, Operation]:
    return {op.name: op for operations in self.computations.values() for op in operations}

  def executed(self) -> Iterator[tuple[int, Operation]]:
    """Every operation that is carried out by itself, and how often; not those within a fusion.

    A loop of unknown length counts once.
    """
    yield from self._executed(self.entry, 1)

  def named(self, name: str) -> Operation:
    """The operation of a name."""
    return self._by_name[name]

  def within(self, operation: Operation) -> Iterator[Operation]:
    """The operation, and all that it is fused of."""
    yield operation
    for kind in () if operation.code == 'call' else _PARTS:
      for name in operation.called.get(kind, ()):
        for part in self.computations.get(name, ()):
          yield from self.within(part)

  def unknown_loops(self) -> list[Operation]:
    """Loops whose length XLA does not know."""
    return [op for _, op in self.executed() if op.code == 'while' and self._trips(op) is None]

  def _executed(self, computation: str, times: int) -> Iterator[tuple[int, Operation]]:
    for operation in self.computations.get(computation, ()):
      yield times, operation
      rounds = self._trips(operation) or 1
      for kind, names in operation.called.items():
        # A call is no fusion, though it names what it calls as a fusion does.
        if operation.code == 'call' or kind not in _PARTS:
          for name in names:
            yield from self._executed(name, times * rounds)

  def _trips(self, operation: Operation) -> int | None:
    """How often a loop goes round: as told, or from its condition, if that compares its counter
    with one constant, as that of a scan does.
    """
    if operation.code != 'while' or operation.trips is not None:
      return operation.trips
    (condition,) = operation.called['condition']
    parts = [part for op in self.computations[condition] for part in self.within(op)]
    limits = [part for part in parts if part.code == 'constant' and part.trips is not None]
    return limits[0].trips if len(limits) == 1 else None


def read_program(text: str) -> Program:
  """Reads what `jax.stages.Compiled.as_text` returns.

  Raises:
    ValueError: the text holds no program.
  """
  frames = _read_frames(text)
  computations: dict[str, list[Operation]] = {}
  entry, current = '', None
  for line in text.splitlines():
    if found := _HEAD.match(line):
      name = found[1].removeprefix('%')
      entry = name if line.startswith('ENTRY') else entry
      current = computations.setdefault(name, [])
    elif current is not None and (found := _OPERATION.match(line)):
      current.append(_read_operation(found[2].removeprefix('%'), line[found.end() :], frames))
  if not entry:
    raise ValueError('this is no text of a compiled program.')
  return Program(computations, entry)


def _read_operation(name: str, rest: str, frames: dict[int, str]) -> Operation:
  end = _closing(rest, 0) + 1 if rest.startswith('(') else rest.index(' ')
  arrays = tuple(_read_array(*found) for found in _ARRAY.findall(rest[:end]))
  code = _CODE.match(rest, end)
  if code is None:
    raise ValueError(f'the operation {name} has no code.')
  close = _closing(rest, code.end() - 1)
  operands, attributes = rest[code.end() : close], rest[close:]
  called = {
    kind: tuple(re.findall(r'[\w.\-]+', many or one))
    for kind, many, one in _CALLED.findall(attributes)
  }
  trips, cycles = _TRIPS.search(attributes), _CYCLES.search(attributes)
  path, frame = _PATH.search(attributes), _FRAME.search(attributes)
  source = _LINE.search(attributes)
  line = _place(source[1], source[2]) if source else frames.get(int(frame[1]), '') if frame else ''
  if code[1] == 'constant' and arrays and not arrays[0].dims and operands.isdigit():
    trips = re.match(r'(\d+)', operands) if arrays[0].dtype.startswith(('s', 'u')) else None
  return Operation(
    name,
    code[1],
    arrays,
    tuple(re.findall(r'%([\w.\-]+)', operands)),
    called,
    path[1] if path else '',
    line,
    int(trips[1]) if trips else None,
    int(cycles[1]) if cycles else None,
  )


def _read_array(dtype: str, dims: str, order: str, layout: str) -> ArrayShape:
  tile = re.search(r'T\(([\d,]+)\)', layout)
  space = re.search(r'S\((\d+)\)', layout)
  return ArrayShape(
    dtype,
    _numbers(dims.replace('<=', '')),
    _numbers(order),
    _numbers(tile[1]) if tile else (),
    int(space[1]) if space else 0,
  )


def _numbers(text: str) -> tuple[int, ...]:
  return tuple(int(number) for number in text.split(',') if number)


def _closing(text: str, start: int) -> int:
  """Where the parenthesis that opens at `start` is closed."""
  depth = 0
  for position in range(start, len(text)):
    depth += {'(': 1, ')': -1}.get(text[position], 0)
    if not depth:
      return position
  raise ValueError('a parenthesis is not closed.')


def _read_frames(text: str) -> dict[int, str]:
  """The source line of every stack frame, from the tables before the program."""
  names = dict(re.findall(r'^(\d+) "(.*)"$', _table(text, 'FileNames'), re.M))
  places = {
    number: _place(names.get(name, ''), line)
    for number, name, line in re.findall(
      r'^(\d+) \{file_name_id=(\d+) .*?\bline=(\d+)', _table(text, 'FileLocations'), re.M
    )
  }
  frames = re.findall(r'^(\d+) \{file_location_id=(\d+)', _table(text, 'StackFrames'), re.M)
  return {int(number): places.get(place, '') for number, place in frames}


def _table(text: str, title: str) -> str:
  found = re.search(rf'^{title}\n((?:\d+ .*\n)*)', text, re.M)
  return found[1] if found else ''


def _place(file: str, line: str) -> str:
  """A line of the source, its file without the folders above the package or the libraries."""
  return f'{re.sub(r"^.*/(?:gmn_jax|site-packages)/", "", file)}:{line}'
