"""Which scenes the batches of training hold, and that a saved iterator goes on with the same.

E epochs, S scenes.
"""

import collections
import itertools

import jax
import numpy as np

from gmn_jax.training.input import train_batches
from tests import tiny_run

_SCENES, _BATCH = 12, 4


def _batches(few_scenes: int = 5, few_steps: int = 0):
  source = tiny_run.random_dataset(_SCENES).splits['train']
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  return train_batches(source, _BATCH, 7, here, few_scenes, few_steps)


def _take(batches, count):
  return np.concatenate([batch['index'] for batch in itertools.islice(batches, count)])


def test_the_first_steps_see_the_first_scenes_alone_and_all_others_see_all():
  batches = _batches(few_scenes=6, few_steps=9)
  few_ES, all_ES = _take(batches, 9).reshape(6, 6), _take(batches, 9).reshape(3, _SCENES)
  for epochs_ES in (few_ES, all_ES):
    scenes = range(epochs_ES.shape[1])
    assert all(sorted(epoch_S) == list(scenes) for epoch_S in epochs_ES)
    assert len({tuple(epoch_S) for epoch_S in epochs_ES}) > 1


def test_where_all_scenes_are_few_nothing_changes():
  few, all_ = _batches(few_scenes=99, few_steps=3), _batches()
  np.testing.assert_array_equal(_take(few, 9), _take(all_, 9))


def test_a_saved_iterator_goes_on_with_the_same_scenes_from_few_to_all():
  batches = _batches(few_steps=3)
  states = [(batches.get_state(), _take(batches, 1)) for _ in range(6)]
  for position in (0, 2, 3, 5):
    again = _batches(few_steps=3)
    again.set_state(states[position][0])
    expected = [scenes for _, scenes in states[position:]]
    np.testing.assert_array_equal(_take(again, 6 - position), np.concatenate(expected))


class _Counted:
  """A source that counts how often each scene is read."""

  def __init__(self, source):
    self._source, self.reads = source, collections.Counter()

  def __len__(self):
    return len(self._source)

  def __getitem__(self, position):
    self.reads[position] += 1
    return self._source[position]


def test_scenes_that_are_kept_are_read_once_and_the_batches_are_the_same():
  source = tiny_run.random_dataset(_SCENES).splits['train']
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  bytes_of_five = 5 * sum(array.nbytes for array in source[0].values())
  counted = _Counted(source)
  kept = train_batches(counted, _BATCH, 7, here, kept_bytes=bytes_of_five)
  for batch, expected in itertools.islice(zip(kept, _batches(), strict=False), 12):
    for field in expected:
      np.testing.assert_array_equal(batch[field], expected[field])
  once = [scene for scene, reads in counted.reads.items() if reads == 1]
  assert len(counted.reads) == _SCENES and len(once) == 5
