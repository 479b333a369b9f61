"""Checks a built dataset: reads every record, generates some scenes again and compares them."""

import importlib.metadata
import pathlib
import platform
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import tensorflow_datasets as tfds

# A compiled module, which comes without types.
from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]

from mese_env import GENERATOR_VERSION, SceneConfig, generate_scene
from mese_env.errors import UserError


def verify(folder: pathlib.Path, num_regenerated: int, seed: int = 0) -> Iterator[str]:
  """Yields one sentence for each fault of a dataset, naming the file and the record.

  Args:
    folder: version folder of the dataset, the one that holds `dataset_info.json`.
    num_regenerated: scenes per split to generate again and compare, drawn at random.
    seed: of that draw.

  Raises:
    UserError: there is no dataset, or the scenes are of another generator version.
  """
  if not (folder / 'dataset_info.json').exists():
    raise UserError(
      f'{folder} holds no dataset: name a folder with a dataset_info.json, such as '
      f'~/tensorflow_datasets/tfds_mese/shepard_metzler_5_tiny/{GENERATOR_VERSION}.'
    )
  info = tfds.builder_from_directory(folder).info
  metadata = _metadata(info)
  if metadata['generator_version'] != GENERATOR_VERSION:
    raise UserError(
      f'{folder} is of generator {metadata["generator_version"]} and this is '
      f'{GENERATOR_VERSION}: check it with the version of gmn_jax that built it.'
    )
  rng = np.random.default_rng(seed)
  for name, split in info.splits.items():
    sample = rng.choice(split.num_examples, min(num_regenerated, split.num_examples), replace=False)
    first = 0
    for path, length in zip(split.filepaths, split.shard_lengths, strict=True):
      here = {int(position) - first for position in sample if first <= position < first + length}
      yield from _verify_file(pathlib.Path(path), length, here, info, name)
      first += length


def provenance(folder: pathlib.Path) -> str:
  """Says what made the dataset and what this machine has, as bytes may differ between the two."""
  metadata = _metadata(tfds.builder_from_directory(folder).info)
  versions = {
    'built with': {name: metadata[f'{name}_version'] for name in ('mujoco', 'numpy')},
    'checked with': {name: importlib.metadata.version(name) for name in ('mujoco', 'numpy')},
  }
  return (
    '; '.join(
      f'{what} ' + ', '.join(f'{name} {version}' for name, version in found.items())
      for what, found in versions.items()
    )
    + f' on {platform.machine()}'
  )


def _metadata(info: tfds.core.DatasetInfo) -> dict[str, Any]:
  # TFDS types it for any dataset, which may have none.
  return cast(dict[str, Any], info.metadata)


def _verify_file(
  path: pathlib.Path,
  length: int,
  to_regenerate: set[int],
  info: tfds.core.DatasetInfo,
  split: str,
) -> Iterator[str]:
  if not path.exists():
    yield f'{path}: the file is missing'
    return
  reader = array_record_module.ArrayRecordReader(str(path))
  if not reader.ok() or reader.num_records() != length:
    yield f'{path}: the file is not whole; {reader.num_records()} of {length} records can be read'
    return
  settings = _metadata(info)['splits'][split]
  features = cast(tfds.features.FeaturesDict, info.features)
  for record in range(length):
    try:
      # Unlike the reading of one record after another, this goes on after a damaged one.
      read = features.deserialize_example_np(reader.read([record])[0])
    except (RuntimeError, ValueError) as error:
      yield f'{path}: record {record} is damaged ({_first_clause(error)})'
      continue
    scene = cast(dict[str, np.ndarray], read)
    if record in to_regenerate and (wrong := _differences(scene, settings)):
      yield (
        f'{path}: record {record} (scene {int(scene["index"])}) is not what this machine '
        f'generates; {", ".join(wrong)} differ'
      )


def _differences(scene: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> list[str]:
  """Names the arrays in which a stored scene is not the one that its seed and index make."""
  config = SceneConfig(**settings['scene'])
  made = generate_scene(config, settings['seed'], int(scene['index']))
  return [name for name, array in made.items() if not np.array_equal(scene[name], array)]


def _first_clause(error: Exception) -> str:
  return str(error).split(';')[0]
