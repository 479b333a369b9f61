"""Scenes as a Parquet file, one to a row, as `datasets.load_dataset` and the hub understand them.

Images are lists of `{bytes, path}`, which is what the hub takes for pictures; all other arrays are
lists of lists of fixed lengths, so that the file says their shapes.
"""

import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tfds_mese.dataset import Scene
from tfds_mese.export.columns import Column, from_png, to_png

# Of arrays in memory, in a group of rows: what is held while a file is written, and read at once.
_GROUP_BYTES = 2**25


def write(
  path: pathlib.Path, scenes: Iterator[Scene], columns: Sequence[Column], first: int
) -> None:
  """Writes a file.

  Args:
    path: of the file, which is made or replaced.
    scenes: to write, at least one.
    columns: of each.
    first: position of the first in its split, for the names of the pictures.
  """
  rows = max(1, _GROUP_BYTES // sum(column.bytes for column in columns))
  schema = _schema(columns)
  with pq.ParquetWriter(path, schema, compression='zstd') as writer:
    group: list[Scene] = []
    for scene in scenes:
      group.append(scene)
      if len(group) == rows:
        first = _write_group(writer, group, columns, first)
        group = []
    if group:
      _write_group(writer, group, columns, first)


class Reader:
  """The scenes of a file that `write` wrote, by position.

  Args:
    path: of the file.
    columns: those to read.
  """

  def __init__(self, path: pathlib.Path, columns: Sequence[Column]):
    self._path, self._columns = path, columns
    self._group: tuple[int, pa.Table] | None = None

  def __getitem__(self, position: int) -> Scene:
    file = None
    group = self._group
    if group is None or not group[0] <= position < group[0] + len(group[1]):
      file = pq.ParquetFile(self._path)
      # All groups but the last are of one size.
      number, size = divmod(position, max(1, file.metadata.row_group(0).num_rows))
      names = [column.name for column in self._columns]
      self._group = group = position - size, file.read_row_group(number, columns=names)
    start, table = group
    row = table.slice(position - start, 1)
    return {column.name: _array(row[column.name], column) for column in self._columns}

  def __getstate__(self) -> dict[str, Any]:
    # Rows that another process would not read.
    return self.__dict__ | {'_group': None}


def _write_group(
  writer: pq.ParquetWriter, scenes: Sequence[Scene], columns: Sequence[Column], first: int
) -> int:
  """Writes some rows; returns the position of the next."""
  arrays = []
  for column in columns:
    stacked = np.stack([np.asarray(scene[column.name]) for scene in scenes])
    arrays.append(_pictures(stacked, first) if column.is_images else _nested(stacked))
  table = pa.Table.from_arrays(arrays, schema=writer.schema)
  writer.write_table(table, row_group_size=len(scenes))
  return first + len(scenes)


def _pictures(images: np.ndarray, first: int) -> pa.Array:
  number, views = images.shape[:2]
  names = [f'{first + i:06d}_{view:02d}.png' for i in range(number) for view in range(views)]
  content = [to_png(image) for scene in images for image in scene]
  pictures = pa.StructArray.from_arrays([pa.array(content), pa.array(names)], ['bytes', 'path'])
  starts = pa.array(np.arange(0, number * views + 1, views, dtype=np.int32))
  return pa.ListArray.from_arrays(starts, pictures)


def _nested(stacked: np.ndarray) -> pa.Array:
  array = pa.array(stacked.reshape(-1))
  for length in reversed(stacked.shape[1:]):
    array = pa.FixedSizeListArray.from_arrays(array, length)
  return array


def _array(value: pa.ChunkedArray, column: Column) -> np.ndarray:
  """The array of a scene, from the column of a table of one row."""
  flat = value.combine_chunks()
  if column.is_images:
    pictures = flat.flatten().field('bytes').to_pylist()
    images = np.stack([from_png(content) for content in pictures])
    if images.dtype.name != column.dtype or images.shape != column.shape:
      raise ValueError(f'{column.name} are {images.dtype} {images.shape}')
    return images
  for _ in column.shape:
    flat = flat.flatten()
  array = flat.to_numpy(zero_copy_only=False).astype(column.dtype, casting='no')
  return array.reshape(column.shape)[()]


def _schema(columns: Sequence[Column]) -> pa.Schema:
  fields = {column.name: _type(column) for column in columns}
  features = {column.name: _feature(column) for column in columns}
  # Where the library `datasets` keeps what columns are.
  remark = json.dumps({'info': {'features': features}})
  return pa.schema(fields, metadata={'huggingface': remark})


def _type(column: Column) -> pa.DataType:
  if column.is_images:
    return pa.list_(pa.struct({'bytes': pa.binary(), 'path': pa.string()}))
  of = pa.from_numpy_dtype(np.dtype(column.dtype))
  for length in reversed(column.shape):
    of = pa.list_(of, length)
  return of


def _feature(column: Column) -> dict[str, Any]:
  if column.is_images:
    return {'_type': 'List', 'feature': {'_type': 'Image'}}
  feature: dict[str, Any] = {'_type': 'Value', 'dtype': column.dtype}
  for length in reversed(column.shape):
    feature = {'_type': 'List', 'feature': feature, 'length': length}
  return feature
