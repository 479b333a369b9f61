"""Opens datasets: those built by `tfds_mese`, read at random without TensorFlow, and one's own."""

import difflib
import os
import pathlib

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import constants

from mese_env import GENERATOR_VERSION
from mese_env.errors import UserError
from tfds_mese import configs, own_data
from tfds_mese.dataset import Dataset, Source


class MissingDataset(UserError):
  """A dataset that a build would make is not there, or not whole."""


def open_dataset(name: str, data_dir: os.PathLike | str | None = None) -> Dataset:
  """Opens the dataset of a config, as this version of the generator makes it, or a folder of one's
  own scenes.

  Args:
    name: of a listed config, or of one of the user's own; with a slash in it, as in ./robot, a
      folder as `own_data.open_folder` takes it.
    data_dir: where it was built; TFDS_DATA_DIR or ~/tensorflow_datasets by default.

  Raises:
    MissingDataset: the dataset is missing, of another version, or only partly built; the message
      names the command that builds it.
    UserError: a scene of one's own is not as it must be.
  """
  if '/' in name or os.sep in name:
    if data_dir is not None:
      raise UserError(
        f'data_dir is {data_dir}, where built datasets are, but {name} is a folder of scenes; '
        'leave data_dir out.'
      )
    return own_data.open_folder(name)
  root = pathlib.Path(data_dir or constants.get_default_data_dir()).expanduser()
  folder = root / 'tfds_mese' / name / GENERATOR_VERSION
  if not (folder / constants.DATASET_INFO_FILENAME).exists():
    raise MissingDataset(_why_missing(name, folder) + _remedy(name, data_dir))
  builder = tfds.builder_from_directory(folder)
  metadata = dict(builder.info.metadata)
  for split, info in builder.info.splits.items():
    expected = metadata['splits'][split]['num_scenes']
    if info.num_examples != expected:
      raise MissingDataset(
        f'{folder} has {info.num_examples} of the {expected} scenes of {split}: build it again '
        'with --overwrite and without --max_examples_per_split.'
      )
    for path in info.filepaths:
      if not path.exists():
        raise MissingDataset(f'{path} is missing: build the dataset again with --overwrite.')
  return Dataset(
    splits={
      split: _CheckedSource(split, source, folder)
      for split, source in builder.as_data_source().items()
    },
    haptic_min=np.array(metadata['haptic_min'], np.float32),
    haptic_max=np.array(metadata['haptic_max'], np.float32),
    metadata=metadata,
  )


class _CheckedSource:
  """Turns the sudden end that ArrayRecord makes of a damaged record into a sentence."""

  def __init__(self, split: str, source: Source, folder: pathlib.Path):
    self._split, self._source, self._folder = split, source, folder

  def __len__(self) -> int:
    return len(self._source)

  def __getitem__(self, position: int) -> dict[str, np.ndarray]:
    if not 0 <= position < len(self):
      raise IndexError(f'{self._split} has {len(self)} scenes')  # Which ends a `for` loop.
    try:
      return self._source[position]
    except RuntimeError as error:
      raise UserError(
        f'scene {position} of {self._split} cannot be read: '
        f'`python -m tfds_mese verify {self._folder}` names each damaged file; build the dataset '
        'again with --overwrite.'
      ) from error


def _why_missing(name: str, folder: pathlib.Path) -> str:
  others = sorted(path.parent.name for path in folder.parent.glob('*/dataset_info.json'))
  if others:
    return (
      f'{folder.parent} holds version {", ".join(others)} of the dataset, and this generator '
      f'makes {GENERATOR_VERSION}: '
    )
  return f'the dataset {name!r} is not in {folder.parent.parent}: '


def _remedy(name: str, data_dir: os.PathLike | str | None) -> str:
  names = [config.name for config in configs.CONFIGS]
  if name not in names:
    if pathlib.Path(name).is_dir():
      return f'if you mean the folder of that name, write ./{name}.'
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
    return f'build it from the config that you gave this name, or did you mean {near!r}?'
  place = '' if data_dir is None else f' --data_dir={data_dir}'
  return f'build it with `python -m tfds_mese --config={name}{place}`.'
