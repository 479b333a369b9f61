"""Checks a built dataset: reads every record, generates some scenes again and compares them."""

import dataclasses
import importlib.metadata
import pathlib
import platform
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

# A compiled module, which comes without types.
from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]
from google.protobuf.message import DecodeError

from mese_env import GENERATOR_VERSION, SceneConfig, generate_scene
from mese_env.errors import UserError
from mese_env.objects import OBJECT_TYPES
from mese_env.sensors import SENSOR_NAMES
from tfds_mese import stored
from tfds_mese.dataset import Scene


def verify(folder: str | pathlib.Path, num_regenerated: int, seed: int = 0) -> Iterator[str]:
  """Yields one sentence for each fault of a dataset, naming the file and the record.

  Args:
    folder: version folder of the dataset, the one that holds `dataset_info.json`.
    num_regenerated: scenes per split to generate again and compare, drawn at random.
    seed: of that draw.

  Raises:
    UserError: there is no dataset; the scenes are of another generator version, or are to be
      generated again and of an object type that is not there.
  """
  folder = pathlib.Path(folder)
  if not stored.is_built(folder):
    raise UserError(
      f'{folder} holds no dataset: name a folder with a dataset_info.json, such as '
      f'~/tensorflow_datasets/tfds_mese/shepard_metzler_5_tiny/{GENERATOR_VERSION}.'
    )
  try:
    found = stored.load(pathlib.Path(folder).resolve())
  except stored.Damaged as damaged:
    yield f'{damaged} The records were not read.'
    return
  if num_regenerated:
    _require_object_types(found)
  if not found.is_as_sealed:
    yield f'{folder / stored.METADATA}: its numbers are not those written, by its own digest'
  yield from _strangers(found)
  span = _Span()
  rng = np.random.default_rng(seed)
  for split, files in found.files.items():
    length = sum(length for _, length in files)
    sample = rng.choice(length, min(num_regenerated, length), replace=False)
    first = 0
    for path, in_file in files:
      here = {int(position) - first for position in sample if first <= position < first + in_file}
      run = _Run(path, split, first, in_file, here)
      yield from _verify_file(run, found, span if split == 'train' else _Span())
      first += in_file
  yield from _verify_range(found, span)


@dataclasses.dataclass(frozen=True)
class _Run:
  """The scenes of a file: its split, the position of the first there, how many, and which of them
  to generate again.
  """

  path: pathlib.Path
  split: str
  first: int
  length: int
  to_regenerate: set[int]


class _Span:
  """Smallest and largest value of each haptic channel, over the scenes that could be read."""

  def __init__(self):
    self.low = np.full(len(SENSOR_NAMES), np.inf, np.float32)
    self.high = -self.low
    self.is_whole = True

  def include(self, haptics: np.ndarray) -> None:
    """Widens it by those of a scene."""
    self.low = np.minimum(self.low, haptics.min(axis=0))
    self.high = np.maximum(self.high, haptics.max(axis=0))


def provenance(folder: str | pathlib.Path) -> str:
  """Says what made the dataset and what this machine has, as bytes may differ between the two."""
  names = ('mujoco', 'numpy')
  try:
    metadata = stored.load(pathlib.Path(folder).resolve()).metadata
    built = [f'{name} {metadata[f"{name}_version"]}' for name in names]
  except stored.Damaged:
    built = ['what cannot be read']
  here = [f'{name} {importlib.metadata.version(name)}' for name in names]
  return f'built with {", ".join(built)}; checked with {", ".join(here)} on {platform.machine()}'


def _require_object_types(found: stored.Stored) -> None:
  for split in found.metadata['splits'].values():
    name = (dataclasses.asdict(SceneConfig()) | split['scene'])['object_type']
    if name not in OBJECT_TYPES:
      raise UserError(
        f'the objects of {found.folder} are of the type {name!r}, which is not in OBJECT_TYPES: '
        'leave out what generates them again, with --scenes=0.'
      )


def _strangers(found: stored.Stored) -> Iterator[str]:
  """Names what lies in the folder and is no file of the dataset."""
  known = {path.name for files in found.files.values() for path, _ in files}
  for path in sorted(found.folder.iterdir()):
    if path.name not in known | {*stored.SMALL_FILES, stored.CROISSANT}:
      yield f'{path}: it is no file of the dataset; move it away'


def _verify_file(run: _Run, found: stored.Stored, span: _Span) -> Iterator[str]:
  path, length = run.path, run.length
  if not path.exists():
    span.is_whole = False
    yield f'{path}: the file is missing'
    return
  num_faults = 0
  for fault in _verify_records(run, found, span):
    num_faults += 1
    yield fault
  expected = found.metadata.get('files', {}).get(path.name)
  # Where a record is damaged, that the file is says nothing more.
  if not num_faults and expected and stored.measure_file(path) != expected:
    yield f'{path}: the {length} records are sound, but the file is not as it was written'


def _verify_records(run: _Run, found: stored.Stored, span: _Span) -> Iterator[str]:
  path, length = run.path, run.length
  try:
    reader = array_record_module.ArrayRecordReader(str(path))
    number = reader.num_records() if reader.ok() else 0
  except (RuntimeError, ValueError, OSError):
    number = 0
  if number != length:
    span.is_whole = False
    yield f'{path}: the file is not whole; {number} of {length} records can be read'
    return
  made_from = found.metadata['splits'][run.split]
  for record in range(length):
    try:
      # Unlike the reading of one record after another, this goes on after a damaged one.
      read = found.features.deserialize_example_np(reader.read([record])[0])
    except (RuntimeError, ValueError, KeyError, IndexError, DecodeError) as error:
      span.is_whole = False
      yield f'{path}: record {record} is damaged ({_first_clause(error)})'
      continue
    scene = cast(Scene, read)
    span.include(scene['haptics'])
    index = made_from['first_index'] + run.first + record
    if (int(scene['seed']), int(scene['index'])) != (made_from['seed'], index):
      yield (
        f'{path}: record {record} is scene {int(scene["index"])} of seed {int(scene["seed"])} and '
        f'must be scene {index} of seed {made_from["seed"]}'
      )
    elif record in run.to_regenerate and (wrong := _differences(scene, made_from)):
      yield (
        f'{path}: record {record} (scene {index}) is not what this machine generates; '
        f'{", ".join(wrong)} differ'
      )


def _verify_range(found: stored.Stored, span: _Span) -> Iterator[str]:
  """Compares the range in the metadata with that of the training scenes, where all were read."""
  if not span.is_whole:
    return
  for name, measured in (('haptic_min', span.low), ('haptic_max', span.high)):
    wrong = np.flatnonzero(np.array(found.metadata[name], np.float32) != measured)
    if len(wrong):
      channel = wrong[0]
      yield (
        f'{found.folder / stored.METADATA}: {name} of {SENSOR_NAMES[channel]} is '
        f'{found.metadata[name][channel]}, and {measured[channel]} in the training scenes; '
        f'{len(wrong)} of {len(measured)} numbers differ'
      )


def _differences(scene: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> list[str]:
  """Names the arrays in which a stored scene is not the one that its seed and index make."""
  config = SceneConfig(**settings['scene'])
  made = generate_scene(config, settings['seed'], int(scene['index']))
  return [name for name, array in made.items() if not np.array_equal(scene[name], array)]


def _first_clause(error: Exception) -> str:
  return str(error).split(';')[0]
