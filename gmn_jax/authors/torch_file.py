"""Reads what `torch.save` wrote, without PyTorch and without running what is pickled in it.

Both formats are read: the archive of PyTorch 1.6 and later, and the one before. In the place of an
object whose class is not one of the few that tensors are made of stands an `Inert` one, which holds
what that object held and does nothing.
"""

import collections
import contextlib
import dataclasses
import io
import math
import os
import pathlib
import pickle
import struct
import types
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, NoReturn

import jax.numpy as jnp
import numpy as np

from mese_env.errors import UserError

# What a user can do where the file was written.
SAVE_WEIGHTS = (
  "where it was written, save the weights alone: torch.save(model.state_dict(), 'weights.pt')"
)
_MAGIC = 0x1950A86A20F9469CFC6C
_OTHERS = {
  b'version https://git-lfs': 'is a Git LFS pointer, not the file itself; run: git lfs pull',
  b'<': 'is a web page, not the file itself; download the file that the page links to',
}
_DTYPES = {
  'DoubleStorage': np.dtype(np.float64),
  'FloatStorage': np.dtype(np.float32),
  'HalfStorage': np.dtype(np.float16),
  'BFloat16Storage': np.dtype(jnp.bfloat16),
  'LongStorage': np.dtype(np.int64),
  'IntStorage': np.dtype(np.int32),
  'ShortStorage': np.dtype(np.int16),
  'CharStorage': np.dtype(np.int8),
  'ByteStorage': np.dtype(np.uint8),
  'BoolStorage': np.dtype(np.bool_),
}


class Inert(dict):
  """In the place of an object of any class: its items, those of a list or set by number.

  Attributes:
    attributes: those of the object.
  """

  attributes: Mapping[str, Any] = types.MappingProxyType({})

  def __init__(self, *args: object, **kwargs: object):
    super().__init__()

  def __setstate__(self, state: object) -> None:
    for part in state if isinstance(state, tuple) else (state,):
      if isinstance(part, Mapping):
        self.attributes = {**self.attributes, **part}

  def append(self, item: object) -> None:
    """Keeps an item of a list."""
    self[len(self)] = item

  def extend(self, items: Any) -> None:
    """Keeps items of a list."""
    for item in items:
      self.append(item)

  add = append  # To a set.

  def __hash__(self) -> int:  # It may be the key of a dictionary.
    return id(self)


@dataclasses.dataclass(frozen=True)
class _Storage:
  key: str
  dtype: np.dtype
  start: int  # of a view, in numbers


@dataclasses.dataclass(frozen=True, eq=False)
class Tensor:
  """A tensor in a file; `array` reads its numbers once the file is read."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]
  read: Callable[[str], bytes]

  def array(self) -> np.ndarray:
    """Its numbers, in an array of their own."""
    numbers = np.frombuffer(self.read(self.storage.key), self.storage.dtype)
    first = self.storage.start + self.offset
    last = first + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
    if math.prod(self.shape) and not 0 <= first <= last < len(numbers):
      raise ValueError(f'a tensor of shape {self.shape} lies outside of its {len(numbers)} numbers')
    numbers = numbers[first:] if math.prod(self.shape) else np.zeros(0, self.storage.dtype)
    strides = tuple(self.storage.dtype.itemsize * stride for stride in self.strides)
    return np.lib.stride_tricks.as_strided(numbers, self.shape, strides).copy()


def read(path: os.PathLike | str) -> Any:
  """What was saved: dictionaries, lists, numbers and words, `Tensor`s, and `Inert` objects.

  Raises:
    UserError: there is no such file, or `torch.save` did not write it, or it is damaged.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    raise UserError(f'{path} is a folder; give the path of the .pt file in it.')
  if not path.is_file():
    raise UserError(f'there is no file {path}; give the path of a .pt file.')
  with refusing_damage(path):
    with path.open('rb') as file:
      start = file.read(64)
    if not start:
      raise UserError(f'{path} is empty; copy it again from where it was written.')
    for sign, what in _OTHERS.items():
      if start.lstrip().startswith(sign):
        raise UserError(f'{path} {what}.')
    if start.startswith(b'PK'):
      return _read_archive(path)
    if start.startswith(b'\x80'):  # As every pickle does.
      return _read_stream(path)
  _refuse(path)


@contextlib.contextmanager
def refusing_damage(path: pathlib.Path) -> Iterator[None]:
  """Turns what a damaged file raises while it is read into a `UserError`."""
  try:
    yield
  except UserError:
    raise
  except Exception as error:  # What is raised depends on which byte is wrong.
    reason = (str(error) or type(error).__name__).splitlines()[0][:100]
    raise UserError(
      f'{path} cannot be read ({reason}): it is cut short or damaged; copy it again from where it '
      f'was written, or {SAVE_WEIGHTS}.'
    ) from error


class _Unpickler(pickle.Unpickler):
  """Loads what tensors are made of, and of all else only what it holds."""

  def __init__(self, file: IO[bytes], read_storage: Callable[[str], bytes]):
    super().__init__(file, encoding='latin1')
    self._read_storage = read_storage
    self.kinds: dict[str, np.dtype] = {}  # of the storages, by their keys

  def find_class(self, module: str, name: str) -> Any:
    if module.split('.', maxsplit=1)[0] == 'torch' and name in _DTYPES:
      return name
    if (module, name) == ('collections', 'OrderedDict'):
      return collections.OrderedDict
    if module == 'torch._utils' and name in ('_rebuild_tensor', '_rebuild_tensor_v2'):
      return self._tensor
    if module == 'torch._utils' and name == '_rebuild_parameter':
      return _parameter
    return type(name, (Inert,), {})

  def persistent_load(self, pid: Any) -> Any:
    what, *rest = pid
    if what != 'storage':
      return rest[0]  # A module, with its source.
    kind, key, _, _, *view = rest
    start = view[0][1] if view and view[0] else 0
    if kind not in _DTYPES:
      raise ValueError(f'its numbers are of the unknown kind {kind}')
    self.kinds[key] = _DTYPES[kind]
    return _Storage(key, _DTYPES[kind], start)

  def _tensor(self, storage: _Storage, offset: int, shape: Any, strides: Any, *_: object) -> Tensor:
    return Tensor(storage, offset, tuple(shape), tuple(strides), self._read_storage)


def _parameter(data: object, *_: object) -> object:
  return data


def _read_archive(path: pathlib.Path) -> Any:
  archive = zipfile.ZipFile(path)
  names = archive.namelist()
  pickles = [name for name in names if name.rpartition('/')[2] == 'data.pkl']
  if not pickles:
    _refuse(path)
  root = pickles[0].removesuffix('data.pkl')
  if f'{root}constants.pkl' in names:
    raise UserError(f'{path} is a TorchScript program; {SAVE_WEIGHTS}.')
  if f'{root}byteorder' in names and archive.read(f'{root}byteorder') != b'little':
    raise UserError(f'{path} is of a big-endian machine; {SAVE_WEIGHTS}, on another one.')
  # Read whole, since the checksum is compared at the end of a file in the archive.
  stored = io.BytesIO(archive.read(pickles[0]))
  return _Unpickler(stored, lambda key: archive.read(f'{root}data/{key}')).load()


def _read_stream(path: pathlib.Path) -> Any:
  """The format of PyTorch before 1.6: pickles, and behind them the numbers."""
  storages, kinds = {}, {}
  with path.open('rb') as file:

    def load() -> Any:
      unpickler = _Unpickler(file, storages.__getitem__)
      loaded = unpickler.load()
      kinds.update(unpickler.kinds)
      return loaded

    if load() != _MAGIC:
      _refuse(path)
    _, machine, stored, keys = (load() for _ in range(4))
    if not machine['little_endian']:
      raise UserError(f'{path} is of a big-endian machine; {SAVE_WEIGHTS}, on another one.')
    for key in keys:
      (count,) = struct.unpack('<q', file.read(8))
      size = count * kinds[key].itemsize
      storages[key] = file.read(size)
      if len(storages[key]) < size:
        raise EOFError('it ends within the numbers')
  return stored


def _refuse(path: pathlib.Path) -> NoReturn:
  raise UserError(f'{path} is not a file that torch.save wrote; {SAVE_WEIGHTS}.')
