"""Shepard-Metzler objects: self-avoiding walks of cubes, their colours, and three computed labels.

A walk is the order in which the cubes are laid. Two objects are "the same" in one of three senses,
and each has its own id, computed by enumeration and so independent of any data:

* `walk_id`: the same directions in the same order (150, 726, 3534, 16926 walks of 4 to 7 parts);
* `cells_id`: the same cells in the same orientation (66, 315, 1453, 6905 sets);
* `shape_id`: the same up to a rotation; mirror images differ (6, 18, 72, 310 shapes).

Ids count from 0 in lexicographic order: of the direction indices for walks, of the sorted cells
for cell sets, and of the smallest rotated cell set for shapes.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

HALF_EXTENT = 0.0175  # metres, of one cube
PITCH = 2 * HALF_EXTENT  # metres between the centres of neighbouring cubes
DIRECTIONS = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
HELD_OUT_SHARE = 0.1

Cell = tuple[int, ...]  # of three
Cells = tuple[Cell, ...]


class ShapeIds(NamedTuple):
  """The three labels of an object; see the module's docstring."""

  walk_id: int
  cells_id: int
  shape_id: int


class _Catalogue(NamedTuple):
  walk_ids: dict[Cells, int]
  cells_ids: dict[Cells, int]
  shape_ids: dict[Cells, int]  # keyed by the cell set, not by its canonical rotation


def sample_walk(num_parts: int, rng: np.random.Generator) -> np.ndarray:
  """Draws a self-avoiding walk, each step uniform over the free directions from the last cube.

  A walk that traps itself, as some of more than ten cubes do, is drawn again from its beginning.

  Args:
    num_parts: cubes in the walk.
    rng: source of randomness.

  Returns:
    int64 (num_parts, 3): cells in the order of the walk, the first at the origin.
  """
  walk: list[Cell] = [(0, 0, 0)]
  while len(walk) < num_parts:
    free = [cell for cell in _neighbours(walk[-1]) if cell not in walk]
    walk = [*walk, free[rng.integers(len(free))]] if free else walk[:1]
  return np.array(walk, np.int64)


def centred_positions(walk: np.ndarray) -> np.ndarray:
  """Places the cells of a walk (num_parts, 3) in metres with their mean at the origin (float64)."""
  centres = PITCH * np.asarray(walk, np.float64)
  return centres - centres.mean(axis=0)


def sample_colours(num_parts: int, rng: np.random.Generator) -> np.ndarray:
  """Draws a colour per cube: hue ~ U(0, 1), saturation ~ U(0.75, 1), value 1.

  Returns:
    float64 (num_parts, 3): red, green, blue in [0, 1].
  """
  hue = rng.uniform(0, 1, num_parts)
  saturation = rng.uniform(0.75, 1, num_parts)
  # The usual hexcone formula at value 1, one phase per channel.
  phase = (hue[:, None] * 6 + np.array([5.0, 3.0, 1.0])) % 6
  return 1 - saturation[:, None] * np.clip(np.minimum(phase, 4 - phase), 0, 1)


def shape_ids(walk: np.ndarray) -> ShapeIds:
  """Labels a walk in the three senses of "the same object".

  Args:
    walk: integer (num_parts, 3), consecutive cells adjacent, starting anywhere.

  Raises:
    KeyError: the cells are not a self-avoiding walk.
  """
  cells = [tuple(int(c) for c in cell) for cell in np.asarray(walk) - np.asarray(walk)[0]]
  catalogue = _catalogue(len(cells))
  cell_set = _normalise(cells)
  return ShapeIds(
    catalogue.walk_ids[tuple(cells)],
    catalogue.cells_ids[cell_set],
    catalogue.shape_ids[cell_set],
  )


def every_cell_set(num_parts: int) -> tuple[np.ndarray, np.ndarray]:
  """All objects of so many parts, in every orientation.

  Returns:
    int64 (cell sets, num_parts, 3) in the order of `cells_id`, and int64 (cell sets,) their
    `shape_id`.
  """
  by_cells = _catalogue(num_parts).shape_ids
  return np.array([*by_cells], np.int64), np.array([*by_cells.values()], np.int64)


def shape_counts(num_parts: int) -> ShapeIds:
  """Counts the distinct labels of each sense, by enumeration."""
  catalogue = _catalogue(num_parts)
  return ShapeIds(
    len(catalogue.walk_ids), len(catalogue.cells_ids), len(set(catalogue.shape_ids.values()))
  )


@functools.cache
def held_out_cells_ids(num_parts: int) -> frozenset[int]:
  """Names the cell sets kept for testing: a tenth of them, rounded, and always the same ones.

  They are those whose SHA-256 digest of "num_parts:cells_id" is smallest, so that the choice
  depends on neither a seed nor a library's generator. A held-out cell set may be a rotation of one
  that is not held out.
  """
  ids = range(shape_counts(num_parts).cells_id)
  ranked = sorted(ids, key=lambda i: hashlib.sha256(f'{num_parts}:{i}'.encode()).digest())
  return frozenset(ranked[: round(HELD_OUT_SHARE * len(ranked))])


@functools.cache
def _catalogue(num_parts: int) -> _Catalogue:
  walks = list(_extend(((0, 0, 0),), num_parts))
  cell_sets = sorted({_normalise(walk) for walk in walks})
  canonical = _canonical(cell_sets)
  shapes = {key: i for i, key in enumerate(sorted(set(canonical)))}
  return _Catalogue(
    walk_ids={walk: i for i, walk in enumerate(walks)},
    cells_ids={cells: i for i, cells in enumerate(cell_sets)},
    shape_ids={cells: shapes[key] for cells, key in zip(cell_sets, canonical, strict=True)},
  )


def _extend(walk: Cells, num_parts: int) -> Iterator[Cells]:
  if len(walk) == num_parts:
    yield walk
    return
  for cell in _neighbours(walk[-1]):
    if cell not in walk:
      yield from _extend((*walk, cell), num_parts)


def _neighbours(cell: Cell) -> list[Cell]:
  x, y, z = cell
  return [(x + dx, y + dy, z + dz) for dx, dy, dz in DIRECTIONS]


def _normalise(cells: Sequence[Cell]) -> Cells:
  corner = [min(axis) for axis in zip(*cells, strict=True)]
  return tuple(sorted(tuple(c - m for c, m in zip(cell, corner, strict=True)) for cell in cells))


def _canonical(cell_sets: Sequence[Cells]) -> list[bytes]:
  """Of each cell set the smallest of its rotations, as bytes that sort as the cells would."""
  every = np.array(cell_sets)
  size = every.shape[1]  # above every coordinate
  rotations = []
  for matrix in _rotations():
    cells = every @ matrix
    cells -= cells.min(axis=1, keepdims=True)
    numbers = (cells[..., 0] * size + cells[..., 1]) * size + cells[..., 2]
    rotations.append([row.tobytes() for row in np.sort(numbers, axis=1).astype('>u4')])
  return [min(keys) for keys in zip(*rotations, strict=True)]


@functools.cache
def _rotations() -> tuple[np.ndarray, ...]:
  signed = (
    np.diag(signs)[list(axes)]
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
  )
  return tuple(matrix for matrix in signed if round(np.linalg.det(matrix)) == 1)
