"""The input pipeline: scenes in a seeded random order, batched, on the devices ahead of time."""

from collections.abc import Iterator

import grain
import jax
import numpy as np

from mese_env.errors import UserError
from tfds_mese.reading import Source

# What the model reads of a scene; `index` names it.
_FIELDS = ('images', 'cameras', 'haptics', 'hands', 'index')


def train_batches(
  source: Source, batch_size: int, seed: int, sharding: jax.sharding.Sharding
) -> grain.DatasetIterator:
  """Endless batches, each epoch in a new order; the iterator's state can be saved and says what
  was consumed.

  Args:
    source: scenes of the training split.
    batch_size: scenes in a batch; epochs follow each other without a gap, so that no scene is left
      out.
    seed: decides the order.
    sharding: of the batch over devices.

  Returns:
    An iterator of dicts of device arrays: images uint8 (B, V, H, W, 3), cameras and hands float32
    (B, V, 5), haptics float32 (B, V, 132), index uint32 (B,).

  Raises:
    UserError: the source has no scene.
  """
  if not len(source):
    raise UserError('the training split has no scene; build the dataset again with --overwrite.')
  scenes = grain.MapDataset.source(source).shuffle(seed=seed).repeat().map(_select)
  # A thread or two keep up with an accelerator; the default buffer of 500 batches would take
  # gigabytes.
  read = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
  batches = scenes.batch(batch_size).to_iter_dataset(read)
  return iter(
    grain.experimental.device_put(batches, sharding, cpu_buffer_size=1, device_buffer_size=2)
  )


def batches_in_order(
  source: Source, scenes: int, batch_size: int, sharding: jax.sharding.Sharding
) -> Iterator[tuple[dict[str, jax.Array], int]]:
  """The first `scenes` scenes once, in order, in batches of one shape.

  Yields:
    A batch as in `train_batches`, and how many of its scenes count: a last, short batch is filled
    up with its last scene.
  """
  scenes = min(scenes, len(source))
  for start in range(0, scenes, batch_size):
    real = min(batch_size, scenes - start)
    chosen = [_select(source[start + min(i, real - 1)]) for i in range(batch_size)]
    batch = {field: np.stack([scene[field] for scene in chosen]) for field in _FIELDS}
    yield jax.device_put(batch, sharding), real


def _select(scene: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  # JAX has no 64-bit integers by default; an index is below 2**32.
  return {field: scene[field] for field in _FIELDS[:-1]} | {'index': np.uint32(scene['index'])}
