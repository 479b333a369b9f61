"""Objects: what a scene holds, and the types that there are.

Every object is made of coloured cubes; a type says how they are laid. Another type is another
`ObjectType`, entered in `OBJECT_TYPES` before it is asked for.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mese_env import shapes
from mese_env.shapes import ShapeIds


class Object(NamedTuple):
  """One object.

  Attributes:
    positions: float64 (num_parts, 3), centres of the cubes, metres, mean zero.
    colours: float64 (num_parts, 3), red, green, blue in [0, 1].
    ids: its labels, as its type numbers them.
  """

  positions: np.ndarray
  colours: np.ndarray
  ids: ShapeIds


@dataclasses.dataclass(frozen=True)
class ObjectType:
  """How objects of a type are sampled.

  Attributes:
    name: in `SceneConfig.object_type`.
    parts: of how many cubes they may be.
    sample: an object of so many cubes, of 'all' objects, those 'seen' in training or 'held_out';
      one generator decides its shape, the other its colours.
  """

  name: str
  parts: tuple[int, ...]
  sample: Callable[[int, str, np.random.Generator, np.random.Generator], Object]


def _sample_shepard_metzler(
  num_parts: int, which: str, shape_rng: np.random.Generator, colour_rng: np.random.Generator
) -> Object:
  """A self-avoiding walk of cubes."""
  held_out = shapes.held_out_cells_ids(num_parts)
  while True:
    walk = shapes.sample_walk(num_parts, shape_rng)
    ids = shapes.shape_ids(walk)
    if which == 'all' or (ids.cells_id in held_out) == (which == 'held_out'):
      colours = shapes.sample_colours(num_parts, colour_rng)
      return Object(shapes.centred_positions(walk), colours, ids)


SHEPARD_METZLER = ObjectType('shepard_metzler', (4, 5, 6), _sample_shepard_metzler)
OBJECT_TYPES = {SHEPARD_METZLER.name: SHEPARD_METZLER}
