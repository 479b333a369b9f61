"""The input pipeline: scenes in a seeded random order, batched, on the devices ahead of time.

Every process knows the order of all scenes, and reads those of each batch that its devices hold.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import grain
import jax
import numpy as np

from gmn_jax.config import Config
from gmn_jax.senses import HAPTIC, Modality, Sense, fields_of, senses_of
from gmn_jax.senses.sense import as_ranges
from gmn_jax.senses.sets import modality_set
from mese_env.errors import UserError, first_line
from tfds_mese.dataset import Dataset, Source

# Memory for scenes that need not be read again: 22,000 of 15 views, and on a CPU, which computes in
# the same memory, 5,500.
KEPT_BYTES = 4 * 2**30
KEPT_BYTES_ON_CPU = 2**30


def check_dataset(config: Config, dataset: Dataset) -> None:
  """Refuses a dataset whose grasps the config's model cannot take.

  Raises:
    UserError: names the field.
  """
  modalities = modality_set(config.modalities, config.image_size, config.haptic_channels)
  if HAPTIC not in senses_of(modalities) or _lacks(dataset, HAPTIC):
    return
  channels = len(HAPTIC.range_in(as_ranges(dataset.ranges)).low)
  if channels != config.haptic_channels:
    raise UserError(
      f'the grasps of {config.dataset} have {channels} sensors, and haptic_channels is '
      f'{config.haptic_channels}; give --config.haptic_channels={channels}.'
    )


def train_batches(
  source: Source,
  batch_size: int,
  seed: int,
  sharding: jax.sharding.Sharding,
  few_scenes: int = 0,
  few_steps: int = 0,
  kept_bytes: int = 0,
) -> grain.DatasetIterator:
  """Endless batches, each epoch in a new order; the iterator's state can be saved and says what
  was consumed.

  Args:
    source: scenes of the training split, such as `Selected`, with arrays of the same shapes.
    batch_size: scenes in a batch, over all processes; epochs follow each other without a gap, so
      that no scene is left out.
    seed: decides the order.
    sharding: of the batch over devices.
    few_scenes: how many scenes of the split, the first ones, the first batches are made of.
    few_steps: how many batches; all others are made of all scenes.
    kept_bytes: memory for scenes that were read, which are not read again; with 15 looks and
      grasps a scene takes .2 MB.

  Returns:
    An iterator of dicts of device arrays, those of the source with a leading B, such as images
    uint8 (B, V, H, W, 3), cameras float32 (B, V, 5), index uint32 (B,).

  Raises:
    UserError: the source has no scene.
  """
  if not len(source):
    raise UserError('the training split has no scene; build the dataset again with --overwrite.')
  order = _order(len(source), batch_size, seed)
  if few_steps:
    few = _order(min(few_scenes, len(source)), batch_size, seed)
    order = order.map_with_index(
      lambda step, positions_B: few[step] if step < few_steps else positions_B
    )
  mine = _rows_of_this_process(batch_size, sharding)
  if kept_bytes:
    source = _Kept(source, kept_bytes)
  # The thread that puts batches on the devices also reads them: decoding holds the interpreter's
  # lock, so that more threads read less, and Grain's default of 500 batches ahead takes gigabytes.
  read = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)

  def read_batch(positions_B: Any) -> dict[str, np.ndarray]:
    return _stack(source, positions_B[mine])

  batches = order.map(read_batch).to_iter_dataset(read)
  on_devices = batches.map(lambda batch: _globally(batch, batch_size, sharding))
  return iter(grain.experimental.ThreadPrefetchIterDataset(on_devices, prefetch_buffer_size=2))


def batches_in_order(
  source: Source, scenes: int, batch_size: int, sharding: jax.sharding.Sharding
) -> Iterator[tuple[dict[str, jax.Array], int]]:
  """The first `scenes` scenes once, in order, in batches of one shape.

  Yields:
    A batch as in `train_batches`, and how many of its scenes count: a last, short batch is filled
    up with its last scene.

  Raises:
    UserError: a scene cannot be read.
  """
  scenes = min(scenes, len(source))
  mine = _rows_of_this_process(batch_size, sharding)
  for start in range(0, scenes, batch_size):
    real = min(batch_size, scenes - start)
    positions_B = start + np.minimum(np.arange(batch_size), real - 1)
    with explain_lost_scenes():
      stacked = _stack(source, positions_B[mine])
    yield _globally(stacked, batch_size, sharding), real


@contextlib.contextmanager
def explain_lost_scenes() -> Iterator[None]:
  """Wraps what reads scenes while a run is under way.

  Raises:
    UserError: instead of whatever is raised.
  """
  try:
    yield
  except Exception as error:  # What is raised depends on the kind of the source.
    raise UserError(
      f'scenes cannot be read any more ({first_line(error)}); the checkpoints are kept: put the '
      'dataset back, or build it again, and the same command goes on.'
    ) from error


def read_first(source: Source, scenes: int) -> dict[str, np.ndarray]:
  """The first `scenes` scenes, or all where there are fewer, as one batch on the host."""
  return _stack(source, np.arange(min(scenes, len(source))))


def read_fields(modalities: Sequence[Modality]) -> tuple[str, ...]:
  """The arrays of a scene that a model reads, and `index`, which names it."""
  return (*fields_of(modalities), 'index')


def _lacks(dataset: Dataset, sense: Sense) -> bool:
  """Whether no scene has a view of it, as scenes of one's own say."""
  if sense.name in dataset.ranges or not len(dataset.splits['train']):
    return False
  scene = dataset.splits['train'][0]
  return sense.field not in scene and sense.there_field in scene


class Selected:
  """A source whose scenes have only the arrays that a model reads.

  Args:
    source: scenes with at least those arrays.
    modalities: the model's.
  """

  def __init__(self, source: Source, modalities: Sequence[Modality]):
    self._source, self._senses = source, senses_of(modalities)

  def __len__(self) -> int:
    return len(self._source)

  def __getitem__(self, position: int) -> dict[str, np.ndarray]:
    scene = self._source[position]
    fields = ['index']
    for sense in self._senses:
      masked = sense.there_field in scene
      # Of a sense that no scene has, there is the mask alone.
      if sense.field in scene or not masked:
        fields += [sense.field, sense.pose_field]
      fields += [sense.there_field] * masked
    if lacking := [field for field in fields if field not in scene]:
      raise UserError(
        f'scene {position} has no {", ".join(lacking)}, which the model senses; give scenes with '
        f'{", ".join(fields)}, or --config.modalities of what they have.'
      )
    return {field: scene[field] for field in fields}


class _Kept:
  """A source that keeps the scenes which it was asked for first, as many as fit in `most_bytes`."""

  def __init__(self, source: Source, most_bytes: int):
    self._source, self._free_bytes = source, most_bytes
    self._kept: dict[int, dict[str, np.ndarray]] = {}

  def __len__(self) -> int:
    return len(self._source)

  def __getitem__(self, position: int) -> dict[str, np.ndarray]:
    if position in self._kept:
      return self._kept[position]
    scene = self._source[position]
    size = sum(array.nbytes for array in scene.values())
    if size <= self._free_bytes:
      self._free_bytes -= size
      self._kept[position] = scene
    return scene


def _order(scenes: int, batch_size: int, seed: int) -> grain.MapDataset:
  """Positions (B,) of the first `scenes` scenes in an endless sequence of batches."""
  order = grain.MapDataset.range(scenes).shuffle(seed=seed).repeat()
  # Endless anyway; without it grain cannot count the batches of one scene.
  return order.batch(batch_size, drop_remainder=True)


def _rows_of_this_process(batch_size: int, sharding: jax.sharding.Sharding) -> np.ndarray:
  """Which scenes of a batch the devices of this process hold, in order."""
  # None, which its type admits, is of shardings that split nothing.
  slices: Any = sharding.addressable_devices_indices_map((batch_size,)).values()
  return np.unique(np.concatenate([np.arange(batch_size)[rows] for (rows,) in slices]))


def _stack(source: Source, positions: np.ndarray) -> dict[str, np.ndarray]:
  chosen = [source[int(position)] for position in positions]
  batch = {field: np.stack([scene[field] for scene in chosen]) for field in chosen[0]}
  # JAX has no 64-bit integers by default; an index is below 2**32.
  return batch | {'index': batch['index'].astype(np.uint32)}


def _globally(
  batch: dict[str, np.ndarray], batch_size: int, sharding: jax.sharding.Sharding
) -> dict[str, jax.Array]:
  """The batch of all processes, of which each gives its own scenes."""
  return {
    field: jax.make_array_from_process_local_data(sharding, rows, (batch_size, *rows.shape[1:]))
    for field, rows in batch.items()
  }
