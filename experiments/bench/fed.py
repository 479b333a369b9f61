"""Times training as a whole: steps that the input pipeline feeds with scenes kept in memory."""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

if __name__ == '__main__':
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
  from experiments.bench.commands import FED

  FED.run('python experiments/bench/fed.py', sys.argv[1:])

import jax
import numpy as np

from experiments.bench import machine, step
from experiments.bench.subject import RANGES, fresh_scenes
from gmn_jax.config import Config
from gmn_jax.training.records import FILE_NAME
from gmn_jax.training.train import train
from tfds_mese.dataset import Dataset

_BATCHES = 4  # whose scenes are kept
_LINES = 5  # of metrics, of which the first, before which the pipeline has started, is left out


def main(options: argparse.Namespace) -> None:
  """Measures, prints, and writes what the options ask for."""
  command = step.understood(options)
  if not command.busy:
    machine.refuse_when_busy()
  measured = measure(command.config, command.steps)
  measured['measured_beside_other_work'] = command.busy
  for name, value in measured.items():
    print(f'{name:28s} {value}')
  if command.json:
    machine.write_json(command.json, measured)


def measure(config: Config, steps: int) -> dict[str, object]:
  """Trains for `_LINES` times `steps` steps in a folder that is removed again.

  Returns:
    Medians over lines of `metrics.jsonl`, each of `steps` steps: `scenes_per_second`, and
    `input_wait`, the share of the time in which a step waits for its scenes.
  """
  once = config.replace(
    steps=_LINES * steps,
    few_steps=0,
    log_every=steps,
    checkpoint_every=_LINES * steps,
    validate_every=_LINES * steps,
    validate_scenes=config.batch_size,
  )
  with tempfile.TemporaryDirectory() as folder:
    train(once, _noise(config), folder)
    records = pathlib.Path(folder, FILE_NAME).read_text().splitlines()
  lines = [line for line in map(json.loads, records) if line['split'] == 'train'][1:]
  return {
    'machine': machine.describe(),
    'model': f'{config.variant} {config.modalities} {config.preset}, batch {config.batch_size}',
    'steps': steps * len(lines),
    **{
      name: statistics.median(line[name] for line in lines)
      for name in ('scenes_per_second', 'input_wait')
    },
  }


def _noise(config: Config) -> Dataset:
  scenes = []
  for _, batch in zip(range(_BATCHES), fresh_scenes(config), strict=False):
    fields = jax.device_get(batch)
    scenes += [{name: rows[i] for name, rows in fields.items()} for i in range(config.batch_size)]
  ranges = {name: (np.asarray(r.low), np.asarray(r.high)) for name, r in RANGES.items()}
  return Dataset({'train': scenes, 'val': scenes[: config.batch_size]}, ranges, {})
