"""Times training as a whole: steps that the input pipeline feeds with scenes kept in memory.

python experiments/bench/fed.py --config=experiments/configs/apoe.py:medium [OPTIONS]

--config.FIELD=VALUE, --batch=N, --steps=N, --json=FILE, --busy: as `step.py` has them

Scenes are made of noise, and as many as four batches need. What `step.py` tells of the same config
is the speed of a step whose scenes wait on the device.
"""

import json
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

import jax
import numpy as np

from experiments.bench import machine, step
from experiments.bench.subject import RANGES, fresh_scenes
from gmn_jax.config import Config
from gmn_jax.training.records import FILE_NAME
from gmn_jax.training.train import train
from mese_env.errors import exit_on_user_error
from tfds_mese.dataset import Dataset

_BATCHES = 4  # whose scenes are kept
_LINES = 5  # of metrics, of which the first, before which the pipeline has started, is left out


def main(argv: list[str]) -> None:
  """Measures, prints, and writes what the command line asks for."""
  command = step.parse(argv)
  if not command.busy:
    machine.refuse_when_busy()
  measured = measure(command.config, command.steps)
  measured['measured_beside_other_work'] = command.busy
  for name, value in measured.items():
    print(f'{name:28s} {value}')
  if command.json:
    pathlib.Path(command.json).write_text(json.dumps(measured, indent=2) + '\n')


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


if __name__ == '__main__':
  with exit_on_user_error():
    main(sys.argv)
