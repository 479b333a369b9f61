"""What lies in the folder of a built dataset, checked before it is believed.

Beside the records there are three small files: `dataset_info.json` and `features.json`, which TFDS
writes and reads, and `metadata.json`, which says what the scenes are made from, how long each file
of records is, the SHA-256 digest of each, and its own. Whatever is wrong with one of them is a
sentence that names it.
"""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import tensorflow_datasets as tfds
from tensorflow_datasets.core import constants, dataset_info

from mese_env import GENERATOR_VERSION, SceneConfig
from mese_env.errors import UserError
from mese_env.fields import fits, shown
from mese_env.sensors import SENSOR_NAMES
from tfds_mese import configs
from tfds_mese.features import scene_features

INFO, FEATURES, METADATA = SMALL_FILES = ('dataset_info.json', 'features.json', 'metadata.json')
CROISSANT = 'croissant.json'  # may lie beside them; nothing here reads it
_NAME = 'tfds_mese'
_FORMAT = 'array_record'
_OF_SPLIT = {'scene': dict, 'seed': int, 'first_index': int, 'num_scenes': int}
_NEEDED = {
  'seed': int,
  'generator_version': str,
  'mujoco_version': str,
  'numpy_version': str,
  'splits': dict,
  'haptic_min': list,
  'haptic_max': list,
}
_OPTIONAL = {'files': dict, 'sha256': str}  # Absent where no digests were kept.
# Of storage elsewhere; also as pathlib leaves it, with one slash.
_SCHEME = re.compile('[A-Za-z][A-Za-z0-9+.-]+:/')
_FOOTER_BYTES = 2**17  # of a file of records: where each record begins, in the last two blocks

_Result = TypeVar('_Result')


class Damaged(UserError):
  """A file of a built dataset is not as it was written."""


@dataclasses.dataclass(frozen=True)
class Stored:
  """A dataset as its small files describe it.

  Attributes:
    folder: version folder, which holds the files.
    builder: TFDS's, which reads the records.
    features: of a record.
    metadata: content of `metadata.json`.
    files: by split, each file of records and how many it holds.
  """

  folder: pathlib.Path
  builder: tfds.core.DatasetBuilder
  features: tfds.features.FeaturesDict
  metadata: Mapping[str, Any]
  files: Mapping[str, list[tuple[pathlib.Path, int]]]

  @property
  def is_as_sealed(self) -> bool:
    """Whether the metadata agree with their own digest, where they have one."""
    digest = self.metadata.get('sha256')
    return digest is None or digest == sealed(self.metadata)['sha256']


def root_folder(data_dir: os.PathLike | str | None) -> str:
  """Where datasets are: `data_dir`, TFDS_DATA_DIR or ~/tensorflow_datasets.

  Raises:
    UserError: it is in a home folder and there is none, or it is not of this file system.
  """
  given = os.fspath(data_dir or constants.get_default_data_dir())
  root = os.path.expanduser(given)
  if root.startswith('~'):
    raise UserError(f'there is no home folder for {given}: set HOME, or give a data_dir.')
  if _SCHEME.match(root):
    raise UserError(f'{given} is no folder of this machine: give one that is, with data_dir.')
  return root


def is_built(folder: pathlib.Path) -> bool:
  """Whether a folder holds a built dataset, or what is left of one."""
  small = any((folder / name).is_file() for name in SMALL_FILES)
  return small or any(folder.glob(f'*.{_FORMAT}-*'))


def load(folder: pathlib.Path) -> Stored:
  """Reads the small files of a built dataset.

  Args:
    folder: its version folder.

  Raises:
    Damaged: a file is missing or damaged.
    UserError: a file may not be read; or the dataset is of another generator or has the name of
      another.
  """
  metadata = reading(folder / METADATA, lambda: _read_metadata(folder / METADATA))
  if metadata['generator_version'] != GENERATOR_VERSION:
    raise UserError(
      f'{folder} is of generator {metadata["generator_version"]} and this is {GENERATOR_VERSION}: '
      'read it with the version of gmn_jax that built it.'
    )
  # TFDS reads the features where it reads the rest, and would not say which of the two is damaged.
  features = reading(folder / FEATURES, lambda: _read_features(folder, metadata))
  builder, files = reading(folder / INFO, lambda: _read_info(folder))
  _refuse_taken_name(folder, metadata)
  return Stored(folder, builder, features, metadata, files)


def check_lengths(found: Stored) -> None:
  """Raises Damaged where a file of records is missing, or not as long as it was written."""
  lengths = found.metadata.get('files', {})
  for path, _ in (file for files in found.files.values() for file in files):
    again = 'build the dataset again with --overwrite.'
    if not path.exists():
      raise Damaged(f'{path} is missing: {again}')
    length, expected = path.stat().st_size, lengths.get(path.name, {}).get('bytes')
    if expected not in (None, length):
      raise Damaged(f'{path} has {length} of {expected} bytes: {again}')


def check_digests(found: Stored) -> None:
  """Raises Damaged where a file of records is not, byte for byte, as it was written.

  Of a dataset that was built before there were digests nothing is said.
  """
  for path, _ in (file for files in found.files.values() for file in files):
    expected = found.metadata.get('files', {}).get(path.name)
    if expected and reading(path, lambda path=path: measure_file(path)) != expected:
      raise Damaged(f'{path} is not as it was written: build the dataset again with --overwrite.')


def reading(path: pathlib.Path, read: Callable[[], _Result]) -> _Result:
  """Returns what `read` reads from a file of a dataset.

  Raises:
    Damaged: it cannot, whatever is wrong with the file.
    UserError: it may not.
  """
  try:
    return read()
  except UserError:
    raise
  except PermissionError as error:
    raise UserError(
      f'{path} may not be read ({error.strerror}): ask its owner for the right to, or build a '
      'dataset of your own in another data_dir.'
    ) from error
  # TFDS, protocol buffers and JSON each have errors of their own for a file that is damaged.
  except Exception as error:
    reason = (str(error) or type(error).__name__).splitlines()[0][:100]
    what = f'is damaged ({reason})' if path.exists() else 'is missing'
    raise Damaged(f'{path} {what}: {remedy(path.parent)}') from error


def remedy(folder: pathlib.Path) -> str:
  """Ends a sentence about a damaged dataset: how to come to a whole one."""
  name, root = folder.parent.name, folder.parent.parent.parent
  command = f'`python -m tfds_mese --config={name} --data_dir={shlex.quote(str(root))}`'
  if configs.stock_config(name) is None:
    command = 'the --config that you gave'
  return f'move {folder} away and build the dataset again with {command}.'


def sealed(metadata: Mapping[str, Any]) -> dict[str, Any]:
  """The metadata with the digest of all others of them."""
  others = {name: value for name, value in metadata.items() if name != 'sha256'}
  text = json.dumps(others, sort_keys=True)
  return {**others, 'sha256': hashlib.sha256(text.encode()).hexdigest()}


def measure_file(path: pathlib.Path) -> dict[str, Any]:
  """Length and digest of a file of records, as the metadata hold them."""
  with path.open('rb') as file:
    digest = hashlib.file_digest(file, 'sha256').hexdigest()
  return {'bytes': path.stat().st_size, 'sha256': digest}


def footer(path: pathlib.Path) -> bytes:
  """The end of a file of records, which says how long each record is."""
  with path.open('rb') as file:
    file.seek(max(0, path.stat().st_size - _FOOTER_BYTES))
    return file.read()


def _read_metadata(path: pathlib.Path) -> dict[str, Any]:
  metadata = json.loads(path.read_text())
  _check_types('it', metadata, _NEEDED, _OPTIONAL)
  _check_types('splits', metadata['splits'], dict.fromkeys(configs.SPLITS, dict))
  defaults = dataclasses.asdict(SceneConfig())
  for name, split in metadata['splits'].items():
    _check_types(name, split, _OF_SPLIT)
    kinds = {field: type(value) for field, value in defaults.items()}
    _check_types(f'scene of {name}', defaults | split['scene'], kinds)
  for name, file in metadata.get('files', {}).items():
    _check_types(name, file, {'bytes': int, 'sha256': str})
  _check_range(metadata['haptic_min'], metadata['haptic_max'])
  return metadata


def _check_types(
  where: str, given: object, needed: Mapping[str, type], optional: Mapping[str, type] | None = None
) -> None:
  if not isinstance(given, dict):
    raise ValueError(f'{where} is {shown(given)}')
  kinds = {**needed, **(optional or {})}
  if absent := needed.keys() - given.keys():
    raise ValueError(f'{where} has no {min(absent)}')
  for name, value in given.items():
    if name not in kinds or not fits(value, kinds[name]):
      raise ValueError(f'{where} has {shown(value)} as {name}')


def _check_range(low: list, high: list) -> None:
  for name, values in (('haptic_min', low), ('haptic_max', high)):
    if len(values) != len(SENSOR_NAMES):
      raise ValueError(f'{name} has {len(values)} of {len(SENSOR_NAMES)} numbers')
    for number in values:
      if not fits(number, float) or not math.isfinite(number):
        raise ValueError(f'{name} has {shown(number)} among its numbers')
  if any(smallest > largest for smallest, largest in zip(low, high, strict=True)):
    raise ValueError('a number of haptic_min is above that of haptic_max')


def _read_info(
  folder: pathlib.Path,
) -> tuple[tfds.core.DatasetBuilder, dict[str, list[tuple[pathlib.Path, int]]]]:
  info = dataset_info.read_from_json(folder / INFO)
  expected = {'name': _NAME, 'version': GENERATOR_VERSION, 'file_format': _FORMAT}
  for field, value in expected.items():
    if getattr(info, field) != value:
      raise ValueError(f'{field} is {getattr(info, field)!r} and not {value!r}')
  if {split.name for split in info.splits} != set(configs.SPLITS):
    raise ValueError(f'its splits are not {", ".join(configs.SPLITS)}')
  builder = tfds.builder_from_directory(folder)
  files = {
    name: [
      (pathlib.Path(path), length)
      for path, length in zip(split.filepaths, split.shard_lengths, strict=True)
    ]
    for name, split in builder.info.splits.items()
  }
  return builder, {name: files[name] for name in configs.SPLITS}


def _read_features(folder: pathlib.Path, metadata: Mapping[str, Any]) -> tfds.features.FeaturesDict:
  read = tfds.features.FeaturesDict.from_config(str(folder))
  made = tfds.features.FeaturesDict(scene_features(metadata['splits']['train']['scene']))
  if _as_plain(read) != _as_plain(made):
    raise ValueError('its arrays are not those of the scene config in the metadata')
  return made


def _as_plain(features: Any) -> dict[str, Any]:
  """Name, shape, type and encoding of each array."""
  content = features.to_json()['content']['features']
  return {name: feature.get('tensor') for name, feature in content.items()}


def _refuse_taken_name(folder: pathlib.Path, metadata: Mapping[str, Any]) -> None:
  name = folder.parent.name
  stock = configs.stock_config(name)
  if stock is None:
    return
  found = configs.settings(metadata['splits'])
  if wrong := configs.differences(found, configs.settings_of(stock)):
    raise UserError(
      f'{folder} does not hold the dataset {name!r} ({wrong[0]}): give the folder '
      f'{folder.parent} a name of its own and build {name!r} again.'
    )
