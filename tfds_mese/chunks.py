"""Chunks of scenes: the unit in which scenes are generated, cached on disk and continued from."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from mese_env import SceneConfig, generate_scene
from mese_env.errors import explain_full_disk, explain_unwritable

# Some seven seconds of work for one core: what a killed build loses at most per core.
_CHUNK_SCENES = 50
_PARTIAL = '.partial'
_DIGEST_BYTES = hashlib.sha256().digest_size


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
  """Generates a chunk into the cache folder.

  The file is one of NumPy's, with a digest of it and of what the chunk is made from behind it.

  Raises:
    OSError: the folder cannot take it; nothing of it is left there.
  """
  scenes = [scene for _, scene in chunk.scenes()]
  arrays = {name: np.stack([scene[name] for scene in scenes]) for name in scenes[0]}
  content = io.BytesIO()
  # No array has the name of the function's own argument.
  np.savez_compressed(content, **arrays)  # pyright: ignore[reportArgumentType]
  path = chunk.path(folder)
  partial = path.with_suffix(f'.{os.getpid()}{_PARTIAL}')
  try:
    with partial.open('wb') as file:
      file.write(content.getvalue() + _digest(chunk, content.getvalue()))
      file.flush()
      os.fsync(file.fileno())
    partial.rename(path)
  finally:
    partial.unlink(missing_ok=True)


def remove_partial(folder: pathlib.Path) -> None:
  """Removes what killed processes left half-written; none may be writing now."""
  for path in folder.glob(f'*{_PARTIAL}'):
    path.unlink()


def remove_damaged(chunks: Sequence[Chunk], folder: pathlib.Path) -> None:
  """Removes those of the cached chunks that are not as they were written, each with a line."""
  for chunk in chunks:
    if chunk.path(folder).exists():
      _content(chunk, folder)


def read_chunks(
  chunks: Sequence[Chunk], folder: pathlib.Path
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
  """Yields (index, scene) for each scene of cached chunks, in order; generates a damaged one again.

  Raises:
    OSError: the folder cannot take a chunk that is generated again.
  """
  for chunk in chunks:
    content = _content(chunk, folder)
    if content is None:
      yield from chunk.scenes()
      continue
    with np.load(io.BytesIO(content)) as file:
      arrays = {name: file[name] for name in file.files}
    for i, index in enumerate(range(chunk.start, chunk.stop)):
      yield index, {name: array[i] for name, array in arrays.items()}


def _content(chunk: Chunk, folder: pathlib.Path) -> bytes | None:
  """What was written of a cached chunk; None: it was not there, or was damaged and is removed."""
  path = chunk.path(folder)
  try:
    stored = path.read_bytes()
  except OSError:
    stored = b''
  content, digest = stored[:-_DIGEST_BYTES], stored[-_DIGEST_BYTES:]
  if digest == _digest(chunk, content):
    return content
  print(f'{path} was damaged: its scenes are generated again', file=sys.stderr, flush=True)
  if path.is_dir():
    shutil.rmtree(path)
  else:
    path.unlink(missing_ok=True)
  return None


def _digest(chunk: Chunk, content: bytes) -> bytes:
  made_from = json.dumps(dataclasses.asdict(chunk), sort_keys=True)
  return hashlib.sha256(made_from.encode() + content).digest()
