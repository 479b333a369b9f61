"""The formats that a dataset can be exported to; a new one is a module and an entry here."""

import dataclasses
import importlib
import importlib.util
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from mese_env import installing
from mese_env.errors import UserError, did_you_mean
from tfds_mese.dataset import Scene
from tfds_mese.export.columns import Column


class Shard(Protocol):
  """The scenes of a file, by position there."""

  def __getitem__(self, position: int, /) -> Scene: ...


@dataclasses.dataclass(frozen=True)
class Format:
  """A way to hold scenes in files.

  Attributes:
    name: of the format, and of the module in this folder with its `write` and its `Reader`.
    template: name of a file, of its split, its number and how many the split has.
    media_type: of such a file.
    held_as: what a reader meets in the files, in a sentence or two.
    library: what must be installed to write and to read it; '': nothing more.
  """

  name: str
  template: str
  media_type: str
  held_as: str
  library: str = ''

  def write(
    self, path: pathlib.Path, scenes: Iterator[Scene], columns: Sequence[Column], first: int
  ) -> None:
    """Writes a file of scenes, the first of which is at the position `first` of its split."""
    self._module().write(path, scenes, columns, first)

  def read(self, path: pathlib.Path, columns: Sequence[Column]) -> Shard:
    """The scenes of a file, of each the arrays of the columns."""
    return self._module().Reader(path, columns)

  def require_library(self) -> None:
    """Raises a UserError where what the format needs is not installed."""
    if self.library and importlib.util.find_spec(self.library) is None:
      raise UserError(
        f'{self.name} files need {self.library}, which is not installed: '
        f'{installing.command("export")}, or {self.library} alone.'
      )

  def _module(self) -> Any:
    return importlib.import_module(f'tfds_mese.export.{self.name}')


_PARQUET = Format(
  name='parquet',
  template='{split}-{number:05d}-of-{count:05d}.parquet',
  media_type='application/x-parquet',
  held_as='A row is a scene. Images are lists of PNG files, as the `Image` feature of the library '
  '`datasets` holds them; other arrays are lists of numbers, nested as their shapes say.',
  library='pyarrow',
)
_WEBDATASET = Format(
  name='webdataset',
  template='{split}-{number:06d}.tar',
  media_type='application/x-tar',
  held_as='A sample is a scene: `image_00.png` and so on for the images, a `.npy` file for each '
  'other array, and `scene.json` for single numbers.',
)
FORMATS = {known.name: known for known in (_PARQUET, _WEBDATASET)}


def format_of(name: str) -> Format:
  """The format of a name.

  Raises:
    UserError: there is none.
  """
  if name not in FORMATS:
    raise UserError(f'there is no format {name!r}: {did_you_mean(name, FORMATS)}')
  return FORMATS[name]
