"""Writes `croissant.json`, the Croissant metadata of a built dataset, beside its files.

An export has one from the beginning.
"""

import argparse
import os
import pathlib

from mese_env.errors import UserError, explain_full_disk, explain_unwritable
from tfds_mese import reading, stored
from tfds_mese.export import columns, croissant
from tfds_mese.export.manifest import File

# No media type is registered for such files, and in its place the format asks for an address.
_ARRAY_RECORD = 'https://github.com/google/array_record'


def describe(options: argparse.Namespace) -> None:
  """Carries the command out and prints the file's path; raises as `write_croissant`.

  Args:
    options: `name` and `data_dir`.
  """
  print(write_croissant(options.name, options.data_dir))


def write_croissant(
  name: os.PathLike | str, data_dir: os.PathLike | str | None = None
) -> pathlib.Path:
  """Writes the metadata of a built dataset; returns their path.

  Args:
    name: as of `open_dataset`.
    data_dir: as of `open_dataset`.

  Raises:
    UserError: there is no such dataset, it was not built, or the folder cannot be written.
  """
  dataset, folder = reading.open_dataset(name, data_dir), reading.folder_of(name, data_dir)
  if not stored.is_built(folder):
    raise UserError(
      f'{folder} is no built dataset: an export has its croissant.json already, and scenes of your '
      f'own get one by `python -m tfds_mese export {name}`.'
    )
  found = stored.load(folder)
  files = [
    File(split, path.name, scenes, **_measured(found, path))
    for split, of_split in found.files.items()
    for path, scenes in of_split
  ]
  described = croissant.Described(
    name=found.builder.info.config_name or folder.parent.name,
    media_type=_ARRAY_RECORD,
    files=files,
    pattern='*.array_record-*',
    columns=columns.columns_of(dataset.splits['train'][0]),
    pictures=False,
    metadata=found.metadata,
  )
  remedy = 'copy the dataset to where you may write, and give that folder.'
  with explain_full_disk(folder, 'free some space.'), explain_unwritable(folder, remedy):
    return croissant.write(described, folder)


def _measured(found: stored.Stored, path: pathlib.Path) -> dict:
  known = found.metadata.get('files', {})
  return known[path.name] if path.name in known else stored.measure_file(path)
