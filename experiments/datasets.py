"""Opens a dataset, building it first where that was asked for."""

import os
import pathlib
import sys
import time
from collections.abc import Iterable, Mapping

from mese_env import folders
from mese_env.errors import UserError
from tfds_mese import __main__ as builder
from tfds_mese import configs, reading
from tfds_mese.tfds_mese_dataset_builder import BuildRunning

_DEFAULT = '~/tensorflow_datasets'
_PATIENCE = 1.0  # seconds between looks at a build of another process


def open_or_build(
  name: str, data_dir: str, build: bool, fields: Iterable[str] | None = None
) -> reading.Dataset:
  """Opens the dataset of a config; with `build`, builds it first if it is missing, or waits for the
  process that does.

  Args:
    name: of the dataset's config, or a folder of one's own scenes.
    data_dir: where datasets are; empty: TFDS_DATA_DIR, or ~/tensorflow_datasets.
    build: whether to build it.
    fields: names of the arrays of a scene that are wanted; None: all.

  Raises:
    UserError: it is missing and not to be built, or cannot be read.
  """
  place(name, data_dir)
  try:
    return reading.open_dataset(name, data_dir or None, fields)
  except reading.MissingDataset as error:
    if not build:
      raise UserError(f'{error} Or give --build.') from error
  where = [f'--data_dir={data_dir}'] if data_dir else []
  told = False
  while True:
    try:
      # Does nothing where another process has built it in the meantime.
      builder.main([f'--config={name}', *where])
      return reading.open_dataset(name, data_dir or None, fields)
    except BuildRunning as running:
      if not told:
        print(f'waiting for it: {running}', file=sys.stderr)
        told = True
      time.sleep(_PATIENCE)


def with_enough(name: str, data_dir: str, sizes: Mapping[str, int]) -> str:
  """The dataset to build for an evaluation: where a listed one is missing, one of its first scenes.

  Args:
    name: as of `open_or_build`.
    data_dir: as of `open_or_build`.
    sizes: how many scenes of which split are enough.

  Returns:
    `name` where that dataset is there, or none has its first scenes alone.
  """
  few = configs.of_first_scenes(name, sizes)
  if few is None or _is_there(name, data_dir):
    return name
  print(
    f'{name} is missing, of which the first scenes are enough: taking {few}; give '
    f'--config.dataset={name} after `gmn data --config={name}` to have all of them.',
    file=sys.stderr,
  )
  return few


def _is_there(name: str, data_dir: str) -> bool:
  place(name, data_dir)
  try:
    reading.folder_of(name, data_dir or None)
  except reading.MissingDataset:
    return False
  return True


def place(name: str, data_dir: str) -> pathlib.Path:
  """The folder that holds the files of the dataset of a config, which need not be there.

  Args:
    name: of the dataset's config, or a folder of one's own scenes.
    data_dir: where datasets are; empty: TFDS_DATA_DIR, or ~/tensorflow_datasets.

  Raises:
    UserError: what the config or the environment names is no folder.
  """
  if '/' in name or os.sep in name:
    return folders.read_folder(name, '--config.dataset')
  option = '--config.data_dir' if data_dir else 'TFDS_DATA_DIR'
  root = data_dir or os.environ.get('TFDS_DATA_DIR') or _DEFAULT
  return folders.read_folder(root, option) / 'tfds_mese'
