"""`export.json`: what an export holds, and by which digests one knows that it still does."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mese_env.errors import UserError, first_line
from tfds_mese import stored
from tfds_mese.dataset import Dataset
from tfds_mese.export import columns as columns_lib
from tfds_mese.export.columns import Column
from tfds_mese.export.formats import FORMATS, Format

NAME = 'export.json'
FOLDER = 'data'


class File(NamedTuple):
  """A file of scenes.

  Attributes:
    split: whose scenes it holds; a split's files follow each other.
    path: in the folder of the export.
    scenes: how many it holds.
    bytes: its length.
    sha256: its digest.
  """

  split: str
  path: str
  scenes: int
  bytes: int
  sha256: str


class Manifest(NamedTuple):
  """What an export holds.

  Attributes:
    name: of the dataset.
    format: of the files.
    columns: of the scenes.
    files: in the order of their scenes.
    ranges: as `Dataset.ranges`.
    metadata: as `Dataset.metadata`.
    identity: as `Dataset.identity`; an export is the same data as what it was made of.
  """

  name: str
  format: Format
  columns: Sequence[Column]
  files: Sequence[File]
  ranges: Mapping[str, tuple[np.ndarray, ...]]
  metadata: Mapping[str, Any]
  identity: Mapping[str, Any]


def is_export(folder: pathlib.Path) -> bool:
  """Whether a folder holds an export."""
  return (folder / NAME).is_file() and (folder / FOLDER).is_dir()


def of_export(
  name: str, dataset: Dataset, form: Format, columns: Sequence[Column], files: Sequence[File]
) -> Manifest:
  """What an export of a dataset into these files holds."""
  return Manifest(name, form, columns, files, dataset.ranges, dataset.metadata, dataset.identity)


def write(manifest: Manifest, folder: pathlib.Path) -> None:
  """Writes it, with a digest of itself."""
  ranges = {sense: [end.tolist() for end in ends] for sense, ends in manifest.ranges.items()}
  content = stored.sealed(
    {
      'name': manifest.name,
      'format': manifest.format.name,
      'columns': columns_lib.as_json(manifest.columns),
      'files': [file._asdict() for file in manifest.files],
      'ranges': ranges,
      'metadata': dict(manifest.metadata),
      'identity': dict(manifest.identity),
    }
  )
  (folder / NAME).write_text(json.dumps(content, indent=1) + '\n')


def read(folder: pathlib.Path) -> Manifest:
  """Reads what `write` wrote.

  Raises:
    UserError: it is damaged, or not from here.
  """
  path = folder / NAME
  try:
    content = json.loads(path.read_text())
    if content != stored.sealed(content):
      raise ValueError('it is not as it was written, by its own digest')
    ranges = {
      sense: tuple(np.array(end, np.float32) for end in ends)
      for sense, ends in content['ranges'].items()
    }
    return Manifest(
      content['name'],
      FORMATS[content['format']],
      columns_lib.from_json(content['columns']),
      [File(**file) for file in content['files']],
      ranges,
      content['metadata'],
      content['identity'],
    )
  # JSON, the file system, and whatever a foreign file of this name leads to.
  except Exception as error:
    raise UserError(f'{path} cannot be read ({first_line(error)}): {remedy(folder)}') from error


def remedy(folder: pathlib.Path) -> str:
  """Ends a sentence about a damaged export: how to come to a whole one."""
  return f'move {folder} away and export the dataset again, or copy it once more.'
