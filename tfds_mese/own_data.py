"""Data of one's own: a folder of `.npz` scenes, or arrays in memory, checked before they are used.

A scene holds, for V looks and V grasps from any poses:

images   uint8 (V, S, S, 3), RGB, 0 to 255; any side S of at least 8 pixels
cameras  (V, 5), the camera of each look: x y z in metres, pitch and yaw in radians
haptics  (V, D), any D sensors of each grasp, in any unit
hands    (V, 5), the hand of each grasp, as for cameras

V, S and D are the same for all scenes. `docs/own_data.md` is a recipe.
"""

import math
import os
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from mese_env.errors import UserError, nearest
from tfds_mese import configs
from tfds_mese.dataset import Dataset

_Result = TypeVar('_Result')

_NEEDED = ('train', 'val')
_FLOATS = ('cameras', 'haptics', 'hands')
_SHAPES = {
  'images': '(views, size, size, 3)',
  'cameras': '(views, 5)',
  'haptics': '(views, sensors)',
  'hands': '(views, 5)',
}
_SMALLEST_IMAGE = 8
# Beyond these, a number was most likely written in another unit.
_FARTHEST_METRES = 100.0
_LARGEST_RADIANS = 4 * math.pi


class _Header(NamedTuple):
  shape: tuple[int, ...]
  dtype: np.dtype


# Of a scene: where it is, its headers, and what reads an array of it.
_Part = tuple[str, dict[str, _Header], Callable[[str], np.ndarray]]


def open_folder(folder: os.PathLike | str) -> Dataset:
  """Opens `folder/train/*.npz`, `folder/val/*.npz` and, where there is one, `folder/test/*.npz`.

  Each file is a scene; their order is that of their names. Of every file the poses and haptics are
  read and checked, of the images only shape and type.

  Raises:
    UserError: a folder or a file is missing, damaged or not as described above; the message names
      the file, the array and the remedy.
  """
  root = pathlib.Path(folder).expanduser()
  if not root.is_dir():
    raise UserError(
      f'there is no folder {root}; --config.dataset with a slash is a folder of scenes, and '
      'without one the name of a built dataset.'
    )
  sources = {}
  for split in configs.SPLITS:
    files = sorted((root / split).glob('*.npz'))
    if files:
      sources[split] = _Files(files, _first_index(split))
    elif split in _NEEDED:
      raise UserError(
        f'{root / split} holds no .npz file; a folder of scenes has its training scenes in train '
        'and its validation scenes in val, one file each.'
      )
  return _check(sources, {'folder': str(root)})


def from_arrays(splits: Mapping[str, Mapping[str, np.ndarray]]) -> Dataset:
  """A dataset of arrays in memory.

  Args:
    splits: for 'train', 'val' and perhaps 'test' the arrays described above, stacked over scenes:
      images (N, V, S, S, 3), cameras (N, V, 5), haptics (N, V, D), hands (N, V, 5).

  Raises:
    UserError: a split or an array is missing, or not as described above.
  """
  for split in splits:
    if split not in configs.SPLITS:
      near = nearest(split, configs.SPLITS)
      raise UserError(f"there is no split '{split}'; did you mean '{near}'?")
  for split in _NEEDED:
    if split not in splits:
      raise UserError(f"the split '{split}' is missing; give at least train and val.")
  sources = {}
  for split, given in splits.items():
    _require_keys(split, given)
    arrays = {name: np.asarray(given[name]) for name in _SHAPES}
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) > 1 or not lengths['images']:
      raise UserError(
        f'the arrays of {split} hold {_listed(lengths)} scenes; give as many, and at least one, of '
        'each.'
      )
    sources[split] = _Arrays(arrays, split, _first_index(split))
  return _check(sources, {})


class _Files:
  """Scenes in files."""

  def __init__(self, files: Sequence[pathlib.Path], first_index: int):
    self._files, self._first_index = files, first_index

  def __len__(self) -> int:
    return len(self._files)

  def __getitem__(self, position: int) -> dict[str, np.ndarray]:
    if not 0 <= position < len(self):
      raise IndexError(f'there are {len(self)} scenes')  # Which ends a `for` loop.
    path = self._files[position]
    with _Opened(path) as scene:
      arrays = {name: scene.read(name) for name in _SHAPES}
    return _as_scene(arrays, self._first_index + position)

  def parts(self) -> Iterator[_Part]:
    """For every scene its place, its headers, and what reads an array of it, until the next."""
    for path in self._files:
      with _Opened(path) as scene:
        headers = {name: scene.header(name) for name in _SHAPES}
        yield str(path), headers, scene.read


class _Arrays:
  """Scenes in memory."""

  def __init__(self, arrays: Mapping[str, np.ndarray], split: str, first_index: int):
    self._arrays, self._split, self._first_index = arrays, split, first_index

  def __len__(self) -> int:
    return len(self._arrays['images'])

  def __getitem__(self, position: int) -> dict[str, np.ndarray]:
    if not 0 <= position < len(self):
      raise IndexError(f'there are {len(self)} scenes')  # Which ends a `for` loop.
    scene = {name: array[position] for name, array in self._arrays.items()}
    return _as_scene(scene, self._first_index + position)

  def parts(self) -> Iterator[_Part]:
    """As those of `_Files`."""
    for position in range(len(self)):
      scene = {name: array[position] for name, array in self._arrays.items()}
      headers = {name: _Header(array.shape, array.dtype) for name, array in scene.items()}
      yield f'scene {position} of {self._split}', headers, scene.__getitem__


class _Opened:
  """A file of arrays; a context. Whatever is wrong with it becomes a `UserError`."""

  def __init__(self, path: pathlib.Path):
    self._path = path

  def __enter__(self) -> '_Opened':
    self._file = self._guarded(lambda: np.load(self._path))
    _require_keys(str(self._path), self._file)
    return self

  def __exit__(self, *exception: object) -> None:
    self._file.close()

  def read(self, name: str) -> np.ndarray:
    """An array."""
    return self._guarded(lambda: self._file[name])

  def header(self, name: str) -> _Header:
    """Shape and type of an array, without its numbers."""

    def read() -> _Header:
      with self._file.zip.open(f'{name}.npy') as stream:
        version = np.lib.format.read_magic(stream)
        readers = {
          (1, 0): np.lib.format.read_array_header_1_0,
          (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, _, dtype = readers[version](stream)
      return _Header(shape, dtype)

    return self._guarded(read)

  def _guarded(self, read: Callable[[], _Result]) -> _Result:
    try:
      return read()
    # A damaged file fails where the damage is: in the archive, its compression, or an array.
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
      reason = (str(error) or type(error).__name__).splitlines()[0][:100]
      raise UserError(
        f'{self._path} cannot be read ({reason}); write it again with np.savez_compressed.'
      ) from error


def _check(sources: Mapping[str, _Files | _Arrays], metadata: dict[str, str]) -> Dataset:
  """Checks every scene, and measures the haptic range of the training split."""
  expected = None
  low, high = np.array(np.inf, np.float32), np.array(-np.inf, np.float32)
  for split, source in sources.items():
    for where, headers, read in source.parts():
      _check_headers(where, headers, expected)
      floats = {name: read(name) for name in _FLOATS}
      _check_numbers(where, floats)
      expected = expected or headers
      if split == 'train':
        low = np.minimum(low, floats['haptics'].min(axis=0))
        high = np.maximum(high, floats['haptics'].max(axis=0))
  return Dataset(sources, {'haptic': (low.astype(np.float32), high.astype(np.float32))}, metadata)


def _require_keys(where: str, given: Mapping[str, np.ndarray]) -> None:
  for name, shape in _SHAPES.items():
    if name not in given:
      found = ', '.join(given) or 'nothing'
      raise UserError(f"{where} has no array '{name}' but {found}; it needs {name} {shape}.")


def _check_headers(
  where: str, headers: Mapping[str, _Header], expected: Mapping[str, _Header] | None
) -> None:
  """Refuses what is not of the shapes and types described above, or not as in another scene."""
  for name, (shape, dtype) in headers.items():
    rank = _SHAPES[name].count(',') + 1
    fits = len(shape) == rank and 0 not in shape
    fits = fits and (name not in ('cameras', 'hands') or shape[1] == 5)
    if name == 'images':
      fits = fits and shape[3] == 3 and shape[1] == shape[2] >= _SMALLEST_IMAGE
    if not fits:
      least = f', with a size of at least {_SMALLEST_IMAGE}' if name == 'images' else ''
      raise UserError(f'{where}: {name} is {shape}; it must be {_SHAPES[name]}{least}.')
    if name == 'images' and dtype != np.uint8:
      raise UserError(
        f'{where}: images is {dtype}; it must be uint8 from 0 to 255: of floats from 0 to 1 save '
        '(255 * images).round().astype(np.uint8).'
      )
    if name != 'images' and dtype.kind not in 'fiu':
      raise UserError(f'{where}: {name} is {dtype}; it must be real numbers, such as float32.')
    if expected and shape != expected[name].shape:
      raise UserError(
        f'{where}: {name} is {shape}, and {expected[name].shape} in the first training scene; all '
        'scenes must have as many views and sensors, and images of one size.'
      )
  views = {name: header.shape[0] for name, header in headers.items()}
  if len(set(views.values())) > 1:
    raise UserError(
      f'{where} has {_listed(views)} views; give as many looks as grasps, and a pose for each.'
    )


def _check_numbers(where: str, floats: Mapping[str, np.ndarray]) -> None:
  """Refuses numbers that are not finite, and poses in other units."""
  for name, array in floats.items():
    with np.errstate(over='ignore'):  # What overflows is found to be infinite.
      finite = np.isfinite(array.astype(np.float32))
    if not finite.all():
      view, column = np.argwhere(~finite)[0]
      raise UserError(
        f'{where}: {name}[{view}, {column}] is {array[view, column]}; every number must be finite '
        'in float32: leave the scene out, or repair it.'
      )
  for name in ('cameras', 'hands'):
    for columns, unit, limit in ((slice(3), 'metres', _FARTHEST_METRES),
                                 (slice(3, 5), 'radians', _LARGEST_RADIANS)):  # fmt: skip
      largest = float(np.abs(floats[name][:, columns].astype(np.float64)).max())
      if largest > limit:
        raise UserError(
          f'{where}: {name} is x y z in metres, pitch and yaw in radians, but one of its {unit} is '
          f'{largest:g}, beyond {limit:.4g}; convert it.'
        )


def _as_scene(arrays: Mapping[str, np.ndarray], index: int) -> dict[str, np.ndarray]:
  scene = {name: arrays[name].astype(np.float32) for name in _FLOATS}
  # A number of NumPy's does what an array without dimensions does.
  return {'images': arrays['images'], **scene, 'index': np.int64(index)}  # pyright: ignore[reportReturnType]


def _first_index(split: str) -> int:
  # As in built datasets: no two scenes share what is drawn by their index.
  return configs.SPLITS.index(split) * configs.INDEX_STRIDE


def _listed(counts: Mapping[str, int]) -> str:
  return ', '.join(f'{count} {name}' for name, count in counts.items())
