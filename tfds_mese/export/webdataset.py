"""Scenes as a WebDataset shard: a tar file, whose members of one scene share the name before a dot.

Images are `000012.image_00.png` and so on, other arrays `000012.cameras.npy`, and the numbers
`000012.scene.json`.
"""

import collections
import io
import json
import os
import pathlib
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfds_mese.dataset import Scene
from tfds_mese.export.columns import Column, from_png, to_png

_NUMBERS = 'scene.json'


def write(
  path: pathlib.Path, scenes: Iterator[Scene], columns: Sequence[Column], first: int
) -> None:
  """Writes a shard.

  Args:
    path: of the file, which is made or replaced.
    scenes: to write, at least one.
    columns: of each.
    first: position of the first in its split, which names the scenes.
  """
  with tarfile.open(path, 'w', format=tarfile.USTAR_FORMAT) as tar:
    for position, scene in enumerate(scenes, first):
      for name, content in _members(scene, columns):
        member = tarfile.TarInfo(f'{position:06d}.{name}')
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


class Reader:
  """The scenes of a shard that `write` wrote, by position.

  Args:
    path: of the file.
    columns: those to read.
  """

  def __init__(self, path: pathlib.Path, columns: Sequence[Column]):
    self._path, self._columns = path, columns
    self._places: list[dict[str, tuple[int, int]]] | None = None

  def __getitem__(self, position: int) -> Scene:
    # The members have to be walked once to find any of them.
    places = self._places = self._places or _places(self._path)
    members = places[position]
    with self._path.open('rb') as file:

      def content(name: str) -> bytes:
        start, size = members[name]
        return os.pread(file.fileno(), size, start)

      numbers = json.loads(content(_NUMBERS)) if _NUMBERS in members else {}
      scene = {}
      for column in self._columns:
        if column.is_images:
          names = [_image(column, view) for view in range(column.shape[0])]
          array = np.stack([from_png(content(name)) for name in names])
        elif column.shape:
          array = np.load(io.BytesIO(content(f'{column.name}.npy')))
        else:
          array = np.array(numbers[column.name], column.dtype)
        if array.dtype.name != column.dtype or array.shape != column.shape:
          raise ValueError(f'{column.name} is {array.dtype} {array.shape}')
        scene[column.name] = array[()]
    return scene

  def __getstate__(self) -> dict[str, Any]:
    # Another process walks the file where it needs it.
    return self.__dict__ | {'_places': None}


def _places(path: pathlib.Path) -> list[dict[str, tuple[int, int]]]:
  """Of each scene, in order, where its members begin and how long they are."""
  places: dict[str, dict[str, tuple[int, int]]] = collections.defaultdict(dict)
  with tarfile.open(path, 'r:') as tar:
    for member in tar:
      key, _, name = member.name.partition('.')
      places[key][name] = member.offset_data, member.size
  return list(places.values())


def _members(scene: Scene, columns: Sequence[Column]) -> Iterator[tuple[str, bytes]]:
  numbers = {}
  for column in columns:
    array = np.asarray(scene[column.name])
    if column.is_images:
      for view, image in enumerate(array):
        yield _image(column, view), to_png(image)
    elif column.shape:
      content = io.BytesIO()
      np.save(content, array)
      yield f'{column.name}.npy', content.getvalue()
    else:
      numbers[column.name] = array.item()
  if numbers:
    yield _NUMBERS, json.dumps(numbers).encode()


def _image(column: Column, view: int) -> str:
  return f'{column.name.removesuffix("s")}_{view:02d}.png'
