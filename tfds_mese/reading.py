"""Opens datasets: those built by `tfds_mese`, read at random without TensorFlow, and one's own."""

import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import constants, decode

from mese_env import GENERATOR_VERSION
from mese_env.errors import UserError, nearest
from tfds_mese import configs, own_data
from tfds_mese.dataset import Dataset


class MissingDataset(UserError):
  """A dataset that a build would make is not there, or not whole."""


def open_dataset(
  name: str, data_dir: os.PathLike | str | None = None, fields: Iterable[str] | None = None
) -> Dataset:
  """Opens the dataset of a config, as this version of the generator makes it, or a folder of one's
  own scenes.

  Args:
    name: of a listed config, or of one of the user's own; with a slash in it, as in ./robot, a
      folder as `own_data.open_folder` takes it.
    data_dir: where it was built; TFDS_DATA_DIR or ~/tensorflow_datasets by default.
    fields: names of the arrays of a scene that are wanted; leaving the others undecoded saves
      a quarter of the time. All by default, and always those of one's own scenes.

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
  # TFDS types what it returns for any dataset; of this one it is known what there is.
  metadata = cast(dict[str, Any], builder.info.metadata)
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
  features = cast(tfds.features.FeaturesDict, builder.info.features)
  if fields is not None:
    features = tfds.features.FeaturesDict({field: features[field] for field in fields})
  records = cast(
    Mapping[str, Sequence[bytes]],
    builder.as_data_source(deserialize_method=decode.DeserializeMethod.RAW_BYTES),
  )
  return Dataset(
    splits={
      split: _Scenes(split, records_of_split, features, folder)
      for split, records_of_split in records.items()
    },
    ranges={
      'haptic': (
        np.array(metadata['haptic_min'], np.float32),
        np.array(metadata['haptic_max'], np.float32),
      )
    },
    metadata=metadata,
  )


class _Scenes:
  """The records of a split, decoded; one that ArrayRecord finds damaged becomes a sentence."""

  def __init__(
    self,
    split: str,
    records: Sequence[bytes],
    features: tfds.features.FeaturesDict,
    folder: pathlib.Path,
  ):
    self._split, self._records, self._features, self._folder = split, records, features, folder

  def __len__(self) -> int:
    return len(self._records)

  def __getitem__(self, position: int) -> dict[str, np.ndarray]:
    if not 0 <= position < len(self):
      raise IndexError(f'{self._split} has {len(self)} scenes')  # Which ends a `for` loop.
    try:
      scene = self._features.deserialize_example_np(self._records[position])
    except RuntimeError as error:
      raise UserError(
        f'scene {position} of {self._split} cannot be read: '
        f'`python -m tfds_mese verify {self._folder}` names each damaged file; build the dataset '
        'again with --overwrite.'
      ) from error
    return cast(dict[str, np.ndarray], scene)


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
  if name not in names and configs.fields_of_sized_name(name) is None:
    if pathlib.Path(name).is_dir():
      return f'if you mean the folder of that name, write ./{name}.'
    near = nearest(name, names)
    return f'build it from the config that you gave this name, or did you mean {near!r}?'
  place = '' if data_dir is None else f' --data_dir={data_dir}'
  return f'build it with `python -m tfds_mese --config={name}{place}`.'
