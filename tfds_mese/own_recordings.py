"""Scenes of one's own as they are stored, in files or in memory, opened one at a time.

Whatever is wrong with a file, or with a list that should be an array, becomes a `UserError`.
"""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from mese_env.errors import UserError, first_line

_Result = TypeVar('_Result')


class Header(NamedTuple):
  """What is known of an array without reading its numbers."""

  shape: tuple[int, ...]
  dtype: np.dtype


class Recording(Protocol):
  """One scene, open.

  Attributes:
    where: its file, or its place in memory, for messages.
    names: of its arrays.
  """

  where: str
  names: Sequence[str]

  def header(self, name: str) -> Header:
    """Shape and type of an array."""
    ...

  def read(self, name: str) -> np.ndarray:
    """An array."""
    ...

  def content(self, name: str) -> str:
    """A word for the numbers of an array, which others do not have."""
    ...


class Recordings(Protocol):
  """The scenes of a split."""

  def __len__(self) -> int: ...

  def open(self, position: int) -> contextlib.AbstractContextManager[Recording]:
    """One of them."""
    ...

  def name(self, position: int) -> str:
    """What a scene is called, wherever the split lies."""
    ...


class Files:
  """Scenes in files, each an archive of arrays.

  A file that is replaced after it was first opened is refused: what was measured of the data, and
  is kept with a run, would not be true of it.

  Args:
    files: in order.
  """

  def __init__(self, files: Sequence[pathlib.Path]):
    self._files = files
    self._checksums: dict[int, int] = {}

  def __len__(self) -> int:
    return len(self._files)

  def name(self, position: int) -> str:
    """The file's name."""
    return self._files[position].name

  @contextlib.contextmanager
  def open(self, position: int) -> Iterator['_File']:
    """The archive, closed at the end."""
    path = self._files[position]
    file = _guarded(path, lambda: np.load(path))
    if not isinstance(file, np.lib.npyio.NpzFile):
      raise UserError(
        f'{path} is a .npy file by its content, one array without a name; save the arrays of a '
        'scene by their names with np.savez_compressed.'
      )
    with file:
      opened = _File(path, file)
      checksum = hash(tuple(opened.content(name) for name in opened.names))
      if self._checksums.setdefault(position, checksum) != checksum:
        raise UserError(
          f'{path} was replaced while the data were in use; put it back as it was, or begin again '
          'with the data as they are.'
        )
      yield opened


class Arrays:
  """Scenes in memory.

  Args:
    split: its name.
    columns: by the name of an array those of all scenes: one stacked array, or a list that has an
      array for each scene, or None where a scene lacks it.
  """

  def __init__(self, split: str, columns: Mapping[str, Sequence[Any] | np.ndarray]):
    self._split, self._columns = split, columns

  def __len__(self) -> int:
    return len(next(iter(self._columns.values())))

  def name(self, position: int) -> str:
    """Its place."""
    return str(position)

  @contextlib.contextmanager
  def open(self, position: int) -> Iterator['_Memory']:
    """The scene's arrays."""
    where, arrays = f'scene {position} of {self._split}', {}
    for name, column in self._columns.items():
      if column[position] is None:
        continue
      try:
        arrays[name] = np.asarray(column[position])
      except (ValueError, TypeError) as error:
        raise UserError(
          f'{where}: {name} is no array, since its rows differ in length; give as many numbers in '
          'each row.'
        ) from error
    yield _Memory(where, arrays)


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
  """The `.npz` files of a folder by name, but for hidden ones, which systems leave beside them.

  Raises:
    UserError: the folder may not be read.
  """
  try:
    names = os.listdir(folder)
  except (FileNotFoundError, NotADirectoryError):
    return []
  except OSError as error:
    raise UserError(
      f'{folder} cannot be read ({error.strerror}); give yourself the right to read it, with '
      'chmod say.'
    ) from error
  return [folder / name for name in sorted(names) if name.endswith('.npz') and name[0] != '.']


class _File:
  def __init__(self, path: pathlib.Path, file: np.lib.npyio.NpzFile):
    self.where, self.names = str(path), list(file.files)
    assert file.zip is not None  # It is, until the file is closed.
    self._path, self._file, self._zip = path, file, file.zip

  def read(self, name: str) -> np.ndarray:
    return _guarded(self._path, lambda: self._file[name])

  def header(self, name: str) -> Header:
    def read() -> Header:
      with self._zip.open(f'{name}.npy') as stream:
        version = np.lib.format.read_magic(stream)
        readers = {
          (1, 0): np.lib.format.read_array_header_1_0,
          (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, _, dtype = readers[version](stream)
      return Header(shape, dtype)

    return _guarded(self._path, read)

  def content(self, name: str) -> str:
    # The archive's own checksum, so that no number has to be read.
    info = _guarded(self._path, lambda: self._zip.getinfo(f'{name}.npy'))
    return f'{info.CRC:08x}-{info.file_size}'


class _Memory:
  def __init__(self, where: str, arrays: Mapping[str, np.ndarray]):
    self.where, self.names, self._arrays = where, list(arrays), arrays

  def read(self, name: str) -> np.ndarray:
    return self._arrays[name]

  def header(self, name: str) -> Header:
    return Header(self._arrays[name].shape, self._arrays[name].dtype)

  def content(self, name: str) -> str:
    array = self._arrays[name]
    digest = hashlib.blake2b(f'{array.dtype} {array.shape}'.encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _guarded(path: pathlib.Path, read: Callable[[], _Result]) -> _Result:
  try:
    return read()
  except FileNotFoundError as error:
    raise UserError(f'{path} is gone; put it back, or open the folder again.') from error
  except PermissionError as error:
    raise UserError(
      f'{path} may not be read ({error.strerror}); give yourself the right to, with chmod say.'
    ) from error
  # A damaged file fails where the damage is: in the archive, its compression, or an array.
  except Exception as error:
    raise UserError(
      f'{path} cannot be read ({first_line(error)}); write it again with np.savez_compressed.'
    ) from error
