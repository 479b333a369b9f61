"""Writes a dataset as Parquet or WebDataset files, for tools that do not know this project.

The folder also gets a card (README.md) that the hub and `datasets.load_dataset` understand, and
Croissant metadata. `tfds_mese.open_dataset` reads it back, bit for bit. Example:

  python -m tfds_mese export shepard_metzler_5_tiny --format=parquet --out=./tiny
"""

import argparse
import pathlib
from typing import NoReturn

from mese_env import folders
from mese_env.errors import UserError
from tfds_mese.export.formats import FORMATS, format_of


def main(arguments: list[str], prog: str = 'python -m tfds_mese export') -> int:
  """Runs the command.

  Args:
    arguments: those of the command line, without the program.
    prog: what the user typed to get here, for --help.

  Returns:
    the exit code, 0.

  Raises:
    UserError: an argument is wrong, or the export cannot be made.
  """
  export(_parser(prog).parse_args(arguments))
  return 0


def export(options: argparse.Namespace) -> None:
  """Carries the command out; raises as `main`.

  Args:
    options: `name`, `data_dir`, `format` and `out`.
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


class _Parser(argparse.ArgumentParser):
  """Raises what is wrong, as one sentence."""

  def error(self, message: str) -> NoReturn:
    raise UserError(f'{message}; see --help.')


def _parser(prog: str) -> _Parser:
  parser = _Parser(prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('name', help='of a built dataset; or a folder of scenes, such as ./robot')
  parser.add_argument('--format', required=True, help=' or '.join(FORMATS))
  parser.add_argument(
    '--out', type=folders.argument('--out'), required=True, help='the folder to make'
  )
  parser.add_argument(
    '--data_dir',
    type=folders.argument('--data_dir'),
    help='where the dataset was built; TFDS_DATA_DIR or ~/tensorflow_datasets by default',
  )
  return parser


def _require_sound(folder: pathlib.Path) -> None:
  """Raises a UserError where a file of the dataset is not the one that its digest is of."""
  from tfds_mese import stored
  from tfds_mese.export import manifest, opening

  if stored.is_built(folder):
    stored.check_digests(stored.load(folder))
  elif manifest.is_export(folder):
    for fault in opening.verify_export(folder):
      raise UserError(fault)
