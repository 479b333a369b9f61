"""Opens datasets: built ones, read at random without TensorFlow, exported ones, and one's own."""

import hashlib
import os
import pathlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow_datasets as tfds
from google.protobuf.message import DecodeError
from tensorflow_datasets.core import decode

from mese_env import GENERATOR_VERSION
from mese_env.errors import UserError, nearest
from mese_env.fields import check_names
from tfds_mese import configs, own_data, stored
from tfds_mese.dataset import Dataset, Scene, Scenes
from tfds_mese.export import manifest, opening

# Of each scene that is read, compared with what its position says.
_LABELS = ('seed', 'index')
_DATASETS = 'tfds_mese'  # the folder of all built ones


class MissingDataset(UserError):
  """A dataset that a build would make is not there, or not whole."""


def open_dataset(
  name: os.PathLike | str,
  data_dir: os.PathLike | str | None = None,
  fields: Iterable[str] | None = None,
) -> Dataset:
  """Opens the dataset of a config, as this version of the generator makes it, or a folder of one's
  own scenes.

  Args:
    name: of a listed config, or of one of the user's own; with a slash in it, as in ./robot, or as
      a `pathlib.Path`, a folder: of a built dataset, of an export (`tfds_mese.export`), or as
      `own_data.open_folder` takes it.
    data_dir: where it was built; TFDS_DATA_DIR or ~/tensorflow_datasets by default.
    fields: names of the arrays of a scene that are wanted; leaving the others undecoded saves
      a quarter of the time. All by default, and always those of one's own scenes.

  Raises:
    MissingDataset: the dataset is missing, of another version, or only partly built; the message
      names the command that builds it.
    UserError: a file of the dataset is damaged; or a scene of one's own is not as it must be.
  """
  folder = folder_of(name, data_dir)
  if stored.is_built(folder) or not _is_path(name):
    return _open_built(folder, fields)
  if manifest.is_export(folder):
    return opening.open_export(folder, fields)
  return own_data.open_folder(folder)


def folder_of(name: os.PathLike | str, data_dir: os.PathLike | str | None = None) -> pathlib.Path:
  """The folder in which the files of a dataset lie; of a built one that of its version.

  Args:
    name: as of `open_dataset`.
    data_dir: as of `open_dataset`.

  Raises:
    MissingDataset: no such dataset was built.
    UserError: the arguments contradict each other, or the folder holds several datasets.
  """
  if _is_path(name):
    if data_dir is not None:
      raise UserError(
        f'data_dir is {data_dir}, where built datasets are, but {name} is a folder of scenes; '
        'leave data_dir out.'
      )
    return _folder_at(pathlib.Path(name).expanduser())
  configs.check_name(name)
  folder = pathlib.Path(stored.root_folder(data_dir), _DATASETS, name, GENERATOR_VERSION)
  if not folder.is_dir():
    raise MissingDataset(_why_missing(str(name), folder) + _remedy(str(name), data_dir))
  return folder


def _is_path(name: os.PathLike | str) -> bool:
  return not isinstance(name, str) or '/' in name or os.sep in name


def _folder_at(folder: pathlib.Path) -> pathlib.Path:
  """A folder that a user names, or of a built dataset that of its version."""
  for built in (folder, folder / GENERATOR_VERSION):
    if stored.is_built(built):
      return built.resolve()
  if folder.parent.name == _DATASETS:
    raise MissingDataset(
      _why_missing(folder.name, folder / GENERATOR_VERSION)
      + _remedy(folder.name, folder.parent.parent)
    )
  root = folder.parent if folder.name == _DATASETS else folder
  if infos := sorted(root.glob(f'{_DATASETS}/*/*/{stored.INFO}')):
    name = infos[0].parent.parent.name
    raise UserError(
      f'{folder} holds built datasets: open one by its name, with '
      f'open_dataset({name!r}, data_dir={str(root)!r}).'
    )
  return folder


def _open_built(folder: pathlib.Path, fields: Iterable[str] | None) -> Dataset:
  """Opens the dataset of a version folder."""
  found = stored.load(folder)
  if not found.is_as_sealed:
    path = folder / stored.METADATA
    raise stored.Damaged(
      f'{path} is damaged (its numbers are not those written): {stored.remedy(folder)}'
    )
  metadata, features = found.metadata, found.features
  for split, files in found.files.items():
    expected, number = metadata['splits'][split]['num_scenes'], sum(n for _, n in files)
    if number != expected:
      raise MissingDataset(
        f'{folder} has {number} of the {expected} scenes of {split}: build it again '
        'with --overwrite and without --max_examples_per_split.'
      )
  stored.check_lengths(found)
  if fields is None:
    wanted = set(features)
  else:
    wanted = {fields} if isinstance(fields, str) else set(fields)
    check_names('a scene', wanted, features)
  decoded = tfds.features.FeaturesDict({name: features[name] for name in {*wanted, *_LABELS}})
  records = stored.reading(folder / stored.INFO, lambda: _records(found))
  return Dataset(
    splits={
      split: _Records(split, records[split], decoded, wanted, found) for split in configs.SPLITS
    },
    ranges={
      'haptic': (
        np.array(metadata['haptic_min'], np.float32),
        np.array(metadata['haptic_max'], np.float32),
      )
    },
    metadata=metadata,
    identity=_identity(found),
  )


class _Records(Scenes):
  """The records of a split, decoded; one that is damaged, or another's, becomes a sentence."""

  def __init__(
    self,
    split: str,
    records: Sequence[bytes],
    features: tfds.features.FeaturesDict,
    wanted: set[str],
    found: stored.Stored,
  ):
    self._split, self._records, self._features = split, records, features
    self._wanted, self._folder = wanted, found.folder
    made_from = found.metadata['splits'][split]
    self._seed, self._first_index = made_from['seed'], made_from['first_index']

  def __len__(self) -> int:
    return len(self._records)

  def _read(self, position: int) -> Scene:
    try:
      read = self._features.deserialize_example_np(self._records[position])
    # ArrayRecord, the file system, protocol buffers and TFDS: each has its own errors.
    except (RuntimeError, OSError, DecodeError, ValueError, KeyError, IndexError) as error:
      raise UserError(
        f'scene {position} of {self._split} cannot be read: {self._remedy}'
      ) from error
    scene = cast(Scene, read)
    found = tuple(int(scene[label]) for label in _LABELS)
    if found != (self._seed, self._first_index + position):
      raise UserError(
        f'scene {position} of {self._split} is not that scene but one of seed {found[0]} and index '
        f'{found[1]}: {self._remedy}'
      )
    return {name: array for name, array in scene.items() if name in self._wanted}

  @property
  def _remedy(self) -> str:
    return (
      f'`python -m tfds_mese verify {shlex.quote(str(self._folder))}` names each damaged file; '
      'build the dataset again with --overwrite.'
    )


def _records(found: stored.Stored) -> Mapping[str, Sequence[bytes]]:
  records = found.builder.as_data_source(deserialize_method=decode.DeserializeMethod.RAW_BYTES)
  return cast(Mapping[str, Sequence[bytes]], records)


def _identity(found: stored.Stored) -> dict[str, Any]:
  """What the scenes are made from, and digests of what came of it that are cheap to take."""
  low_high = [found.metadata['haptic_min'], found.metadata['haptic_max']]
  identity = {
    'name': found.builder.info.config_name,
    'generator version': found.metadata['generator_version'],
    **configs.settings(found.metadata['splits']),
    'haptic ranges': _digest(np.array(low_high, np.float32).tobytes()),
  }
  for split, files in found.files.items():
    lengths = (stored.reading(path, lambda path=path: stored.footer(path)) for path, _ in files)
    identity[f'records of {split}'] = _digest(*lengths)
  return identity


def _digest(*parts: bytes) -> str:
  digest = hashlib.sha256()
  for part in parts:
    digest.update(part)
  return digest.hexdigest()[:16]


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
  if configs.stock_config(name) is None:
    if pathlib.Path(name).is_dir():
      return f'if you mean the folder of that name, write ./{name}.'
    near = nearest(name, names)
    return f'build it from the config that you gave this name, or did you mean {near!r}?'
  place = '' if data_dir is None else f' --data_dir={shlex.quote(os.fspath(data_dir))}'
  return f'build it with `python -m tfds_mese --config={name}{place}`.'
