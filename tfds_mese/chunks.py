"""Chunks of scenes: the unit in which scenes are generated, cached on disk and continued from."""

import contextlib
import dataclasses
import os
import pathlib
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np

from mese_env import SceneConfig, generate_scene
from mese_env.errors import UserError, explain_full_disk, explain_unwritable

# Some seven seconds of work for one core: what a killed build loses at most per core.
_CHUNK_SCENES = 50
_PARTIAL = '.partial'


@contextlib.contextmanager
def writing(folder: os.PathLike | str) -> Iterator[None]:
  """Wraps what writes below the folder of a build.

  Raises:
    UserError: the disk is full, or the folder cannot be written; other errors pass.
  """
  elsewhere = 'choose another place with --data_dir.'
  room = 'free some space and run the same command again, which continues, or '
  with explain_full_disk(folder, room + elsewhere), explain_unwritable(folder, elsewhere):
    yield


@dataclasses.dataclass(frozen=True)
class Chunk:
  """The scenes start .. stop - 1 of a seed and a config; a pure function of its fields."""

  scene: SceneConfig
  seed: int
  start: int
  stop: int

  def __len__(self) -> int:
    return self.stop - self.start

  def path(self, folder: pathlib.Path) -> pathlib.Path:
    """Where the chunk lies in a cache folder."""
    return folder / f'{self.start:010d}-{self.stop:010d}.npz'

  def scenes(self) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Generates (index, scene) for each scene in order."""
    for index in range(self.start, self.stop):
      yield index, generate_scene(self.scene, self.seed, index)


def split_into_chunks(
  scene: SceneConfig, seed: int, first_index: int, num_scenes: int
) -> list[Chunk]:
  """Cuts a run of scenes into chunks, all of one size but the last."""
  end = first_index + num_scenes
  starts = range(first_index, end, _CHUNK_SCENES)
  return [Chunk(scene, seed, start, min(start + _CHUNK_SCENES, end)) for start in starts]


def write_chunk(chunk: Chunk, folder: pathlib.Path) -> None:
  """Generates a chunk into the cache folder; a chunk that is there is a whole one.

  Raises:
    OSError: the folder cannot take it; nothing of it is left there.
  """
  scenes = [scene for _, scene in chunk.scenes()]
  arrays = {name: np.stack([scene[name] for scene in scenes]) for name in scenes[0]}
  path = chunk.path(folder)
  partial = path.with_suffix(f'.{os.getpid()}{_PARTIAL}')
  try:
    with partial.open('wb') as file:
      # No array has the name of the function's own argument.
      np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
      file.flush()
      os.fsync(file.fileno())
    partial.rename(path)
  finally:
    partial.unlink(missing_ok=True)


def remove_partial(folder: pathlib.Path) -> None:
  """Removes what killed processes left half-written; none may be writing now."""
  for path in folder.glob(f'*{_PARTIAL}'):
    path.unlink()


def read_chunks(
  chunks: Sequence[Chunk], folder: pathlib.Path
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
  """Yields (index, scene) for each scene of cached chunks, in order.

  Raises:
    UserError: a chunk is damaged; it is removed, so that building again repairs it.
  """
  for chunk in chunks:
    path = chunk.path(folder)
    try:
      with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
      path.unlink()
      raise UserError(f'{path} was damaged and is removed: run the same command again.') from error
    for i, index in enumerate(range(chunk.start, chunk.stop)):
      yield index, {name: array[i] for name, array in arrays.items()}
