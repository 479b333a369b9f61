"""What the arrays of a scene are in an export: images as PNG, all others as they are.

PNG loses nothing, and everybody shows it.
"""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mese_env.fields import fits
from tfds_mese.dataset import Scene


class Column(NamedTuple):
  """An array that every scene has, of the same shape and type in each.

  Attributes:
    name: of the array.
    shape: of one scene's.
    dtype: NumPy's name of its type.
  """

  name: str
  shape: tuple[int, ...]
  dtype: str

  @property
  def is_images(self) -> bool:
    """Whether it holds views that a picture can hold, (views, height, width, 3) bytes."""
    return self.dtype == 'uint8' and len(self.shape) == 4 and self.shape[-1] == 3

  @property
  def bytes(self) -> int:
    """Bytes of it in memory."""
    return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def columns_of(scene: Scene) -> tuple[Column, ...]:
  """The columns of scenes like this one, in the order of their names."""
  arrays = {name: np.asarray(scene[name]) for name in sorted(scene)}
  return tuple(Column(name, array.shape, array.dtype.name) for name, array in arrays.items())


def selected(columns: Sequence[Column], names: Iterable[str] | None) -> tuple[Column, ...]:
  """Those of these names; all where none are named."""
  wanted = None if names is None else set(names)
  return tuple(column for column in columns if wanted is None or column.name in wanted)


def as_json(columns: Sequence[Column]) -> list[dict[str, Any]]:
  """The columns as `from_json` reads them."""
  return [{**column._asdict(), 'shape': list(column.shape)} for column in columns]


def from_json(given: object) -> tuple[Column, ...]:
  """The columns that `as_json` wrote.

  Raises:
    ValueError: they are not of that form.
    TypeError: a type is none of NumPy's.
  """
  kinds = {'name': str, 'shape': list, 'dtype': str}
  if not isinstance(given, list) or not given:
    raise ValueError('no columns')
  for column in given:
    whole = isinstance(column, Mapping) and column.keys() == kinds.keys()
    if not whole or not all(fits(column[name], kind) for name, kind in kinds.items()):
      raise ValueError('a column is not whole')
    np.dtype(column['dtype'])
  return tuple(Column(c['name'], tuple(map(int, c['shape'])), c['dtype']) for c in given)


def differing(first: Scene, second: Scene) -> list[str]:
  """Names the arrays in which two scenes are not the same, bit for bit."""
  return [
    name
    for name in sorted(first.keys() | second.keys())
    if not (name in first and name in second and _same(first[name], second[name]))
  ]


def to_png(image: np.ndarray) -> bytes:
  """An image (height, width, 3), uint8, as a PNG file."""
  content = io.BytesIO()
  Image.fromarray(image).save(content, 'PNG')
  return content.getvalue()


def from_png(content: bytes) -> np.ndarray:
  """The image of a PNG file, as `to_png` was given it."""
  with Image.open(io.BytesIO(content)) as image:
    return np.array(image)


def _same(first: np.ndarray, second: np.ndarray) -> bool:
  a, b = np.asarray(first), np.asarray(second)
  return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
