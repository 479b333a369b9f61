"""Opens an export as a dataset, and checks one: the way back to scenes."""

import bisect
import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

from mese_env.errors import UserError, first_line, quoted
from mese_env.fields import check_names
from tfds_mese import stored
from tfds_mese.dataset import Dataset, Scene, Scenes
from tfds_mese.export import columns as columns_lib
from tfds_mese.export import manifest as manifest_lib
from tfds_mese.export.formats import Shard
from tfds_mese.export.manifest import File
from tfds_mese.export.meanings import is_built


def open_export(folder: os.PathLike | str, fields: Iterable[str] | None = None) -> Dataset:
  """Opens an export; its scenes are, bit for bit, those of the dataset that it was made of.

  Args:
    folder: of the export, which holds the `export.json`.
    fields: names of the arrays of a scene that are wanted. All by default, and always those of
      one's own scenes, of which each has a few, and which say what a scene lacks.

  Raises:
    UserError: a file is missing or damaged, what reads the format is not installed, or there is no
      such array.
  """
  folder = pathlib.Path(folder)
  found = manifest_lib.read(folder)
  found.format.require_library()
  if not is_built(found.metadata):
    fields = None
  elif fields is not None:
    fields = {fields} if isinstance(fields, str) else set(fields)
    check_names('a scene', fields, [column.name for column in found.columns])
  for file in found.files:
    if wrong := _wrong_length(folder / file.path, file):
      raise UserError(f'{folder / file.path} {wrong}: {manifest_lib.remedy(folder)}')
  wanted = columns_lib.selected(found.columns, fields)
  splits = {
    split: _Split(
      split,
      folder,
      [(file.scenes, found.format.read(folder / file.path, wanted)) for file in files],
    )
    for split, files in itertools.groupby(found.files, lambda file: file.split)
  }
  return Dataset(splits, found.ranges, found.metadata, found.identity)


def verify_export(folder: pathlib.Path) -> Iterator[str]:
  """Yields one sentence for each fault of an export, naming the file."""
  try:
    found = manifest_lib.read(folder)
  except UserError as error:
    yield str(error)
    return
  known = {file.path for file in found.files}
  for path in sorted((folder / manifest_lib.FOLDER).iterdir()):
    if str(path.relative_to(folder)) not in known:
      yield f'{path}: it is no file of the export; move it away'
  for file in found.files:
    path = folder / file.path
    if wrong := _wrong_length(path, file):
      yield f'{path}: it {wrong}'
    elif stored.measure_file(path)['sha256'] != file.sha256:
      yield f'{path}: its bytes are not those written'


class _Split(Scenes):
  """The scenes of some files, one after another."""

  def __init__(self, name: str, folder: pathlib.Path, shards: Sequence[tuple[int, Shard]]):
    self._name, self._folder = name, folder
    self._shards = [shard for _, shard in shards]
    self._ends = list(itertools.accumulate(length for length, _ in shards))

  def __len__(self) -> int:
    return self._ends[-1]

  def _read(self, position: int) -> Scene:
    number = bisect.bisect_right(self._ends, position)
    first = self._ends[number - 1] if number else 0
    try:
      return self._shards[number][position - first]
    # The file system, Arrow, tar, PNG and NumPy: each has its own errors for what is damaged.
    except Exception as error:
      raise UserError(
        f'scene {position} of {self._name} cannot be read ({first_line(error)}): `python -m '
        f'tfds_mese verify {quoted(self._folder)}` names each damaged file; export again.'
      ) from error


def _wrong_length(path: pathlib.Path, file: File) -> str:
  if not path.is_file():
    return 'is missing'
  length = path.stat().st_size
  return '' if length == file.bytes else f'has {length} of {file.bytes} bytes'
