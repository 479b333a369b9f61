"""Objects: what a scene holds, drawn of one of the types that there are, or given.

Every object is made of coloured cubes; a type says how they are laid. Another type is another
`ObjectType`, entered in `OBJECT_TYPES` before it is asked for.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mese_env import fields, shapes
from mese_env.errors import UserError
from mese_env.shapes import ShapeIds

OBJECTS = ('all', 'seen', 'held_out')  # which objects of a type, by cell set
UNLABELLED = ShapeIds(-1, -1, -1)  # of a given object that is no Shepard-Metzler one

_REACH = 0.2  # metres from the origin to a cube; the hand closes on less
_OFF_GRID = 1e-5  # metres that float32 and a user's arithmetic may be off


class Object(NamedTuple):
  """One object.

  Attributes:
    positions: float64 (num_parts, 3), centres of the cubes, metres, mean zero.
    colours: float64 (num_parts, 3), red, green, blue in [0, 1].
    ids: its labels, as its type numbers them; `UNLABELLED` where it has none.
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


SHEPARD_METZLER = ObjectType('shepard_metzler', (4, 5, 6, 7), _sample_shepard_metzler)
OBJECT_TYPES = {SHEPARD_METZLER.name: SHEPARD_METZLER}


def sample_object(
  num_parts: int,
  rng: np.random.Generator,
  objects: str = 'all',
  object_type: str = SHEPARD_METZLER.name,
) -> Object:
  """Draws an object.

  Args:
    num_parts: its cubes, as many as its type allows.
    rng: source of randomness, of its shape and of its colours.
    objects: 'all', or by cell set 'seen' or 'held_out' (`shapes.held_out_cells_ids`).
    object_type: one of `OBJECT_TYPES`.

  Raises:
    UserError: an argument is not one of what may be given.
  """
  kind = OBJECT_TYPES[str(fields.check('object_type', object_type, str, tuple(OBJECT_TYPES)))]
  which = str(fields.check('objects', objects, str, OBJECTS))
  return kind.sample(int(fields.check('num_parts', num_parts, int, kind.parts)), which, rng, rng)


def given_object(positions: np.ndarray, colours: np.ndarray) -> Object:
  """An object of one's own: the cubes of a stored scene, say, or ones that no walk lays.

  Cubes that are neighbours in the order given, as those of a stored scene are, get their labels
  and the exact places that they had before they were stored as float32.

  Args:
    positions: (num_parts, 3), centres of axis-aligned cubes, metres.
    colours: (num_parts, 3), red, green, blue in [0, 1].

  Raises:
    UserError: the arrays are not of numbers, of other shapes or not finite, a colour is not in
      [0, 1], two cubes overlap, or a cube is out of the hand's reach.
  """
  try:
    positions, colours = np.asarray(positions, np.float64), np.asarray(colours, np.float64)
  except (TypeError, ValueError) as error:
    raise UserError(
      f'positions and colours are {fields.shown(positions)} and {fields.shown(colours)}; give '
      '(num_parts, 3) numbers each.'
    ) from error
  if positions.ndim != 2 or positions.shape[1:] != (3,) or not len(positions):
    raise UserError(f'positions are of shape {positions.shape}; give (num_parts, 3), in metres.')
  if colours.shape != positions.shape:
    raise UserError(f'colours are of shape {colours.shape}; give {positions.shape}, as positions.')
  if not np.all((colours >= 0) & (colours <= 1)):
    raise UserError('a colour is not between 0 and 1; divide bytes by 255.')
  if not np.all(np.linalg.norm(positions, axis=1) <= _REACH):
    raise UserError(f'a cube is not within {_REACH} m of the origin, which the hand grasps at.')
  apart = np.abs(positions[:, None] - positions).max(axis=2)
  if np.any(apart[np.triu_indices(len(positions), 1)] < shapes.PITCH - _OFF_GRID):
    raise UserError(f'two cubes overlap; put centres {shapes.PITCH} m apart along some axis.')
  walk = np.round((positions - positions[0]) / shapes.PITCH).astype(np.int64)
  exact = shapes.centred_positions(walk)
  is_walk = np.all(np.abs(np.diff(walk, axis=0)).sum(axis=1) == 1)
  if is_walk and len(walk) in SHEPARD_METZLER.parts and np.allclose(exact, positions, 0, _OFF_GRID):
    return Object(exact, colours, shapes.shape_ids(walk))
  return Object(positions, colours, UNLABELLED)
