"""Checksums of what a checkpoint holds: taken in memory before it is written and after it is read.

That of an array is the same however the array is spread over devices and processes. It is the sum
modulo 2**64 of its words, each times an odd number that its place decides. A word that changes
changes it for certain, and so do two words that change places.
"""

import hashlib
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

_MODULUS = 2**64
_CACHED_WORDS = 2**15


class Summary(NamedTuple):
  """What is known of an array in a few bytes.

  Attributes:
    checksum: its dtype, shape and checksum.
    finite: whether every number is.
  """

  checksum: str
  finite: bool


def summarise(tree: Any) -> dict[str, Summary]:
  """Every array of a tree, by its name there; called by all processes that hold a part."""
  named = jax.tree_util.tree_leaves_with_path(tree)
  leaves = [_numbers(leaf) for _, leaf in named]
  sums, spoiled = np.array([_sum_here(leaf) for leaf in leaves], np.uint64).reshape(-1, 2).T
  if jax.process_count() > 1:
    # JAX has no 64-bit integers by default.
    words = np.ascontiguousarray([sums, spoiled]).view(np.uint32)
    sums, spoiled = multihost_utils.process_allgather(words).view(np.uint64).sum(axis=0)
  return {
    jax.tree_util.keystr(path): Summary(
      f'{leaf.dtype}{list(leaf.shape)} {int(total):016x}', not count
    )
    for (path, _), leaf, total, count in zip(named, leaves, sums, spoiled, strict=True)
  }


def of_arrays(tree: Any) -> dict[str, str]:
  """The checksum of every array of a tree, by its name there."""
  return {name: summary.checksum for name, summary in summarise(tree).items()}


def of_json(record: Any) -> str:
  """The SHA-256 of what can be written as JSON, the same after it was written and read."""
  # As it will be read: names of fields as text, tuples as lists.
  read = json.loads(json.dumps(record))
  return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def _numbers(leaf: Any) -> Any:
  if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    return jax.random.key_data(leaf)
  return leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)


def _sum_here(leaf: Any) -> tuple[int, int]:
  """The part of an array's checksum, and of its numbers that are not finite, that is held here."""
  if isinstance(leaf, jax.Array):
    parts = [(s.data, s.index) for s in leaf.addressable_shards if s.replica_id == 0]
  else:  # The same in every process.
    parts = [(leaf, (slice(None),) * leaf.ndim)] if jax.process_index() == 0 else []
  total = spoiled = 0
  for data, index in parts:
    numbers = np.asarray(data)
    # Of 32 bits, or of as many as a smaller number has.
    words = np.ascontiguousarray(numbers).view(f'u{min(4, numbers.itemsize)}')
    # A last axis where one is needed.
    size = max(1, numbers.itemsize // 4)
    each = () if size == 1 and numbers.ndim else (size,)
    within = (*index, *(slice(None) for _ in each))
    total += _weighted_sum(words.reshape(*numbers.shape, *each), within, (*leaf.shape, *each))
    spoiled += int(np.size(numbers) - np.count_nonzero(np.isfinite(numbers)))
  return total % _MODULUS, spoiled


def _weighted_sum(words: np.ndarray, index: tuple[slice, ...], whole: tuple[int, ...]) -> int:
  """The sum of the words of a part, each times 2 p + 1, p its place in the whole array, flat."""
  *starts, start = [part.start or 0 for part in index]
  width = words.shape[-1]
  odd = 2 * (np.uint64(start) + np.arange(width, dtype=np.uint64)) + np.uint64(1)
  # Where the rows along the last axis begin.
  places, stride = np.zeros((), np.uint64), whole[-1]
  for axis in reversed(range(len(starts))):
    along = np.uint64(stride) * (np.arange(words.shape[axis], dtype=np.uint64) + starts[axis])
    places = along.reshape(-1, *[1] * places.ndim) + places
    stride *= whole[axis]
  rows, places, total = words.reshape(-1, width), places.reshape(-1), 0
  at_once = max(1, _CACHED_WORDS // max(1, width))
  for first in range(0, len(rows), at_once):
    block = rows[first : first + at_once].astype(np.uint64)
    total += int((block @ odd).sum(dtype=np.uint64))
    total += 2 * int(block.sum(axis=1, dtype=np.uint64) @ places[first : first + at_once])
  return total
