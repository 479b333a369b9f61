"""Checksums find every change of a number, and do not depend on where numbers are."""

import json
import os
import pathlib
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from gmn_jax.training import checksum


def _of(array):
  (found,) = checksum.of_arrays([array]).values()
  return found


@pytest.mark.parametrize(
  'array',
  [
    np.float32(1.5),
    np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    np.arange(5, dtype=np.int32),
    np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16),
    np.array([True, False]),
    np.array([[0.0, -0.0, 1.0], [-1.0, np.nan, -np.nan]], np.float64),
  ],
  ids=lambda array: f'{array.dtype}{array.shape}',
)
def test_every_flipped_bit_and_every_exchange_changes_a_checksum(array):
  array = np.asarray(array)
  text = array.tobytes()
  for bit in range(8 * len(text)):
    flipped = bytearray(text)
    flipped[bit // 8] ^= 1 << bit % 8
    assert _of(np.frombuffer(flipped, array.dtype).reshape(array.shape)) != _of(array)
  flat = array.reshape(-1)
  for i in range(len(flat)):
    for j in range(i):
      exchanged = flat.copy()
      exchanged[[i, j]] = exchanged[[j, i]]
      same = flat[i].tobytes() == flat[j].tobytes()
      assert (_of(exchanged.reshape(array.shape)) == _of(array)) == same
  assert _of(array[None]) != _of(array)


def test_what_is_not_finite_is_found_by_name():
  tree = {'a': np.zeros(3), 'b': [np.array([0, np.nan]), np.array([-np.inf]), np.arange(2)]}
  summaries = checksum.summarise(tree)
  assert [name for name, of in summaries.items() if not of.finite] == ["['b'][0]", "['b'][1]"]


def test_a_record_has_the_checksum_of_what_is_read_of_it():
  record = {'b': [0.1, float('nan'), 2**53], 'a': {'x': None, 'y': 'é'}}
  again = json.loads(json.dumps(record))
  assert checksum.of_json(dict(reversed(again.items()))) == checksum.of_json(record)
  assert checksum.of_json({**record, 'b': [0.1]}) != checksum.of_json(record)
  assert checksum.of_json((1, 2)) == checksum.of_json([1, 2])


_SPREAD = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from gmn_jax.training.checksum import of_arrays
mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ('a', 'b'))
array = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
key = jax.random.key(3)
for spec in (P(), P('a'), P(None, 'b'), P(None, None, 'a'), P('a', None, 'b'), P(('a', 'b'))):
  spread = jax.device_put(array, NamedSharding(mesh, spec))
  whole = jax.device_put(key, NamedSharding(mesh, P()))
  assert of_arrays([spread, whole]) == of_arrays([array, key]), spec
"""


@pytest.mark.long
def test_a_checksum_does_not_depend_on_how_an_array_is_spread_over_devices():
  subprocess.run(
    [sys.executable, '-c', _SPREAD],
    cwd=pathlib.Path(__file__).parents[2],
    env=os.environ | {'XLA_FLAGS': '--xla_force_host_platform_device_count=4'},
    check=True,
  )
