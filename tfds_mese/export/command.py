"""Carries out `python -m tfds_mese export`."""

import argparse
import pathlib

from mese_env import folders
from mese_env.errors import UserError
from tfds_mese.export.formats import format_of


def export(options: argparse.Namespace) -> None:
  """Writes a dataset in the format and to the folder that are asked for.

  Args:
    options: `name`, `data_dir`, `format` and `out`.

  Raises:
    UserError: an option is wrong, or the export cannot be made.
  """
  form = format_of(options.format)
  form.require_library()
  # TFDS takes seconds to load, and --help and a wrong argument need none of it.
  from tfds_mese import reading
  from tfds_mese.export import exporting

  exporting.refuse_taken(options.out)
  folder = reading.folder_of(options.name, options.data_dir)
  folders.refuse_inside_data(options.out, '--out', folder)
  dataset = reading.open_dataset(options.name, options.data_dir)
  _require_sound(folder)
  name = dataset.identity.get('name', folder.resolve().name)
  exporting.export(dataset, name, form, options.out)


def _require_sound(folder: pathlib.Path) -> None:
  """Raises a UserError where a file of the dataset is not the one that its digest is of."""
  from tfds_mese import stored
  from tfds_mese.export import manifest, opening

  if stored.is_built(folder):
    stored.check_digests(stored.load(folder))
  elif manifest.is_export(folder):
    for fault in opening.verify_export(folder):
      raise UserError(fault)
