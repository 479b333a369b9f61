"""Tiny runs on random scenes, and what is compared of them."""

import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from experiments.faults.flipped import as_numbers
from experiments.faults.processes import Command, Ended, run

STEPS, CHECKPOINT_EVERY = 120, 3
# A checkpoint is written while the next steps are trained (`gmn_jax/config/sections.py`).
MOST_LOST = 2 * CHECKPOINT_EVERY
_FIELDS = {
  'image_size': 8,
  'width': 2,
  'draw_steps': 1,
  'latent': 1,
  'batch_size': 2,
  'quiet_start': False,
  'steps': STEPS,
  # The rate must not depend on where a run is meant to end.
  'decay': 0.0,
  'log_every': 1,
  'checkpoint_every': CHECKPOINT_EVERY,
  'validate_every': 60,
  'validate_scenes': 2,
  'sample_every': 1000,
}
# Of a line of metrics, what a clock or this machine decides.
_OF_THE_MACHINE = ('scenes_per_second', 'gflop_per_second', 'input_wait', 'memory_bytes')


class Trainer:
  """Tiny runs on random scenes.

  Args:
    folder: for scenes, runs and what is compiled.
  """

  def __init__(self, folder: pathlib.Path):
    self.folder, self.compiled = folder, folder / 'compiled'
    self.scenes = folder / 'scenes'
    write_scenes(self.scenes, seed=0)

  def arguments(self, workdir: pathlib.Path, **fields: object) -> list[str]:
    """Of Python, to train in `workdir`."""
    given = _FIELDS | {'dataset': self.scenes} | fields
    return [
      'experiments/main.py',
      '--config=experiments/configs/apoe.py',
      f'--workdir={workdir}',
      *(f'--config.{name}={value}' for name, value in given.items()),
    ]

  def start(self, workdir: pathlib.Path, *options: str, **fields: object) -> Command:
    """Starts a run, or goes on with it."""
    return Command([*self.arguments(workdir, **fields), *options], self.compiled)

  def run(self, workdir: pathlib.Path, *options: str, **fields: object) -> Ended:
    """Trains to the end."""
    return self.start(workdir, *options, **fields).finish()

  def run_script(self, script: str, workdir: pathlib.Path, **fields: object) -> Ended:
    """Trains with a script in the place of `main.py`, such as `PATCHED`."""
    return run(['-c', script, *self.arguments(workdir, **fields)[1:]], self.compiled)

  def undisturbed(self) -> pathlib.Path:
    """The workdir of a run that nothing happened to."""
    workdir = self.folder / 'undisturbed'
    if not workdir.exists():
      require(self.run(workdir))
    return workdir

  def equal(self, workdir: pathlib.Path, lines_lost: int = 0) -> bool:
    """Whether parameters, optimiser, step and key ended bit for bit as undisturbed, and so did all
    that was measured, but for so many lines.
    """
    measured, expected = measurements(workdir), measurements(self.undisturbed())
    same = {key: record for key, record in measured.items() if expected.get(key) == record}
    return (
      state(workdir) == state(self.undisturbed())
      and len(same) == len(measured) == len(expected) - lines_lost
    )


# `main.py` with something changed beforehand, by the lines that replace {patch}.
PATCHED = """
import sys
from experiments import main
from mese_env.errors import exit_on_user_error
{patch}
with exit_on_user_error():
  sys.exit(main.main(['main.py', *sys.argv[1:]]))
"""


def write_scenes(folder: pathlib.Path, seed: int, views: int = 4, train: int = 7) -> None:
  """Writes random scenes, as own data."""
  rng = np.random.default_rng(seed)
  for split, count in (('train', train), ('val', 2)):
    (folder / split).mkdir(parents=True, exist_ok=True)
    for number in range(count):
      np.savez_compressed(
        folder / split / f'{number}.npz',
        images=rng.integers(0, 256, (views, 8, 8, 3), np.uint8),
        cameras=rng.uniform(-1, 1, (views, 5)),
        haptics=rng.normal(size=(views, 132)),
        hands=rng.uniform(-1, 1, (views, 5)),
      )


def require(ended: Ended) -> Ended:
  """Raises unless a command that a test needs did what it was asked for."""
  if not ended.fine:
    raise RuntimeError(f'a command that the test needs failed: {ended}')
  return ended


def arrays(workdir: pathlib.Path, step: int, items: tuple[str, ...]) -> dict[str, np.ndarray]:
  """Every array of some items of a checkpoint by its name."""
  folder = workdir.absolute() / 'checkpoints' / str(step)
  found = {}
  with ocp.PyTreeCheckpointer() as reader:
    for item in items:
      for path, leaf in jax.tree_util.tree_leaves_with_path(reader.restore(folder / item)):
        found[item + jax.tree_util.keystr(path)] = as_numbers(leaf)
  return found


def state(workdir: pathlib.Path, step: int = STEPS) -> dict[str, bytes]:
  """The bytes of all that a checkpoint holds of a training."""
  found = arrays(workdir, step, ('params', 'training'))
  return {name: array.tobytes() for name, array in found.items()}


def records(workdir: pathlib.Path) -> list[Mapping[str, Any]]:
  """The whole lines of metrics."""
  path = workdir / 'metrics.jsonl'
  lines = path.read_text().split('\n')[:-1] if path.exists() else []
  return [json.loads(line) for line in lines]


def measurements(workdir: pathlib.Path) -> dict[tuple[int, str], str]:
  """By step and split what was measured, but for what a clock decides."""
  return {
    (record['step'], record['split']): json.dumps(
      {name: value for name, value in record.items() if name not in _OF_THE_MACHINE}
    )
    for record in records(workdir)
  }


def last_step(workdir: pathlib.Path) -> int:
  """Of the last whole line of metrics; 0 without one."""
  return records(workdir)[-1]['step'] if records(workdir) else 0


def reached(workdir: pathlib.Path, step: int, command: Command) -> bool:
  """Whether this command, and not one before it, trains and has come so far."""
  path = workdir / 'metrics.jsonl'
  # What a killed run left is written anew when training goes on.
  writes = path.exists() and path.stat().st_mtime > command.started
  return writes and last_step(workdir) >= step


def checkpoints(workdir: pathlib.Path) -> list[int]:
  """The steps of those that are there."""
  folders = (workdir / 'checkpoints').glob('*')
  return sorted(int(path.name) for path in folders if path.name.isdigit())


def saving(workdir: pathlib.Path) -> bool:
  """Whether a checkpoint is being written."""
  return any((workdir / 'checkpoints').glob('*orbax-checkpoint-tmp*'))


def resumed_after(ended: Ended) -> int:
  """The step after which a run went on; 0: it began."""
  found = re.search(r'resuming .* after step (\d+) of', ended.errors)
  return int(found[1]) if found else 0


def compared(equal: bool) -> str:
  """In words, whether a run is as the one left alone."""
  whether = 'equal' if equal else 'differ from'
  return f'parameters, optimiser, step, key and metrics {whether} those of the run left alone'
