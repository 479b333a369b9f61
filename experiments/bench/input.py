"""Times the input: scenes read a second, from disk and from memory, against scenes that the small
preset consumes as the demo trains it.

Batches come from the pipeline that training uses, onto the default device, as fast as they are
asked for.
"""

import argparse
import math
import pathlib
import statistics
import sys
import time

if __name__ == '__main__':
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
  from experiments.bench.commands import INPUT

  INPUT.run('python experiments/bench/input.py', sys.argv[1:])

import jax

from experiments.bench import machine, step
from experiments.bench.subject import Subject
from gmn_jax.config import preset
from gmn_jax.senses.sets import modality_set
from gmn_jax.training.input import KEPT_BYTES, read_fields, train_batches
from tfds_mese.reading import open_dataset

DATASET = 'shepard_metzler_5_tiny'
ACCUMULATE = 4  # parts in which the demo computes a batch
_ROUNDS = 11


def main(options: argparse.Namespace) -> None:
  """Measures, prints, and writes what the options ask for."""
  if not options.busy:
    machine.refuse_when_busy()
  config = preset('small', accumulate=ACCUMULATE)
  read = scenes_read_per_s(options.dataset, config.batch_size, options.batches)
  again = scenes_read_per_s(options.dataset, config.batch_size, options.batches, keep=True)
  consumed = step.measure(Subject(config), steps=20)['scenes_per_s']
  measured = {
    'machine': machine.describe(),
    'dataset': options.dataset,
    'scenes/s read': read,
    'scenes/s read again, kept': again,
    'scenes/s consumed by small': consumed,
    'read over consumed': read / consumed,
    'measured_beside_other_work': options.busy,
  }
  for name, value in measured.items():
    print(f'{name:28s} {value:,.1f}' if isinstance(value, float) else f'{name:28s} {value}')
  if options.json:
    machine.write_json(options.json, measured)


def scenes_read_per_s(dataset: str, batch_size: int, batches: int, keep: bool = False) -> float:
  """The median of `_ROUNDS` rates, each of `batches` batches, after ten that are not counted; with
  `keep`, of batches whose scenes were read before and are in memory.
  """
  sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  source = open_dataset(dataset, fields=read_fields(modality_set('m2', 64))).splits['train']
  iterator = train_batches(source, batch_size, 0, sharding, kept_bytes=KEPT_BYTES if keep else 0)
  for _ in range(10 + math.ceil(len(source) / batch_size) * keep):
    next(iterator)
  seconds = []
  for _ in range(_ROUNDS):
    began = time.perf_counter()
    for _ in range(batches):
      jax.block_until_ready(next(iterator))
    seconds.append(time.perf_counter() - began)
  return batches * batch_size / statistics.median(seconds)
