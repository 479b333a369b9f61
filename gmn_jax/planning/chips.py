"""TPU chips and the slices of them that can be had."""

import math
import re
from typing import NamedTuple

from mese_env.errors import UserError, did_you_mean

_SQUARE = ('1x1', '2x2', '2x4', '4x4', '4x8', '8x8', '8x16', '16x16')
_CUBE = (
  '2x2x1', '2x2x2', '2x2x4', '2x4x4', '4x4x4', '4x4x8', '4x8x8', '8x8x8', '8x8x16', '8x16x16',
  '16x16x16', '16x16x24',
)  # fmt: skip


class Chip(NamedTuple):
  """A kind of TPU, as Google publishes it (`source`); each is one device to JAX.

  Attributes:
    name: as in a topology.
    memory_bytes: of its high-bandwidth memory (HBM), part of which the runtime keeps for itself.
    peak_flops_per_s: of matrix products in bfloat16.
    bytes_per_s: to and from its memory.
    clock_hz: of its matrix units. It is not published, but follows from the peak and from their
      number and size.
    slices: shapes of those that are offered.
    source: of these numbers.
  """

  name: str
  memory_bytes: int
  peak_flops_per_s: float
  bytes_per_s: float
  clock_hz: float
  slices: tuple[str, ...]
  source: str


_GIB = 2**30
_DOCS = 'https://cloud.google.com/tpu/docs/'
CHIPS = {
  chip.name: chip
  for chip in (
    Chip('v5e', 16 * _GIB, 197e12, 819e9, 1.50e9, _SQUARE, f'{_DOCS}v5e'),
    Chip('v5p', 95 * _GIB, 459e12, 2765e9, 1.75e9, _CUBE, f'{_DOCS}v5p'),
    Chip('v6e', 32 * _GIB, 918e12, 1640e9, 1.75e9, _SQUARE, f'{_DOCS}v6e'),
  )
}

# By Google's command-line tools.
_ALSO_CALLED = {'v5litepod': 'v5e'}


class Topology(NamedTuple):
  """A slice: chips of one kind in a grid.

  Attributes:
    chip: its kind.
    shape: of the grid.
  """

  chip: Chip
  shape: tuple[int, ...]

  @property
  def size(self) -> int:
    """How many chips it has."""
    return math.prod(self.shape)

  def __str__(self) -> str:
    return f'{self.chip.name}:{"x".join(map(str, self.shape))}'


def parse_topology(text: str) -> Topology:
  """The slice that is meant by a kind of chip and a shape, as in 'v5e:4x8'.

  Raises:
    UserError: the chip is not known, or has no such slice; names the nearest one.
  """
  name, _, shape = text.partition(':')
  # Elsewhere a slice is called by a number, as in v5litepod-8.
  kind, _, count = name.partition('-')
  kind = _ALSO_CALLED.get(kind.lower(), kind.lower())
  if kind not in CHIPS:
    raise UserError(
      f"topology '{text}' is of no known chip, as v5e:4x8 is; {did_you_mean(kind, CHIPS)}"
    )
  chip = CHIPS[kind]
  if name != kind or shape not in chip.slices:
    near = _nearest(chip, count or shape)
    raise UserError(
      f"topology '{text}' is no slice of {kind}; did you mean {kind}:{near}, of "
      f'{", ".join(chip.slices)}?'
    )
  return Topology(chip, _sides(shape))


def _sides(shape: str) -> tuple[int, ...]:
  return tuple(int(side) for side in shape.split('x'))


def _nearest(chip: Chip, text: str) -> str:
  """The slice of a chip with about as many chips as the numbers in a text make."""
  asked = math.prod(max(1, int(number)) for number in re.findall(r'\d+', text))
  return min(chip.slices, key=lambda shape: abs(math.log(math.prod(_sides(shape)) / asked)))
