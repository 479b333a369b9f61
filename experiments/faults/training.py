"""Training that is killed, stopped, starved of disk, or fed what it cannot use."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from experiments.faults.outcomes import Outcome
from experiments.faults.processes import Command, refused, run, sentence

STEPS, CHECKPOINT_EVERY = 120, 3
_KILLS, _TERMS = 20, 5
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


class Trainer:
  """Tiny runs on random scenes.

  Args:
    folder: for scenes, runs and what is compiled.
  """

  def __init__(self, folder: pathlib.Path):
    self.folder, self.compiled = folder, folder / 'compiled'
    self.scenes = folder / 'scenes'
    rng = np.random.default_rng(0)
    for split, count in (('train', 7), ('val', 2)):
      (self.scenes / split).mkdir(parents=True)
      for number in range(count):
        np.savez_compressed(
          self.scenes / split / f'{number}.npz',
          images=rng.integers(0, 256, (4, 8, 8, 3), np.uint8),
          cameras=rng.uniform(-1, 1, (4, 5)),
          haptics=rng.normal(size=(4, 132)),
          hands=rng.uniform(-1, 1, (4, 5)),
        )

  def arguments(self, workdir: pathlib.Path, **fields: object) -> list[str]:
    """Of Python, to train in `workdir`."""
    given = _FIELDS | {'dataset': self.scenes} | fields
    return [
      'experiments/main.py',
      '--config=experiments/configs/apoe.py',
      f'--workdir={workdir}',
      *(f'--config.{name}={value}' for name, value in given.items()),
    ]

  def start(self, workdir: pathlib.Path) -> Command:
    """Starts a run, or goes on with it."""
    return Command(self.arguments(workdir), self.compiled)

  def run(self, workdir: pathlib.Path, **fields: object) -> tuple[int, str]:
    """Trains to the end; returns exit code and standard error."""
    return run(self.arguments(workdir, **fields), self.compiled)

  def undisturbed(self) -> pathlib.Path:
    """The workdir of a run that nothing happened to."""
    workdir = self.folder / 'undisturbed'
    if not workdir.exists():
      code, errors = self.run(workdir)
      assert code == 0, errors
    return workdir

  def equal(self, workdir: pathlib.Path) -> bool:
    """Whether parameters, optimiser, step and key ended bit for bit as undisturbed."""
    return _state(workdir) == _state(self.undisturbed())


def _state(workdir: pathlib.Path) -> dict[str, bytes]:
  """Every array of the last step's checkpoint by its name."""
  folder = workdir.absolute() / 'checkpoints' / str(STEPS)
  arrays = {}
  with ocp.PyTreeCheckpointer() as reader:
    for item in ('params', 'training'):
      for path, leaf in jax.tree_util.tree_leaves_with_path(reader.restore(folder / item)):
        arrays[item + jax.tree_util.keystr(path)] = _bytes(leaf)
  return arrays


def _bytes(leaf: Any) -> bytes:
  if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    leaf = jax.random.key_data(leaf)
  return np.asarray(leaf).tobytes()


def _last_step(workdir: pathlib.Path) -> int:
  """Of the last whole line of metrics; 0 without one."""
  path = workdir / 'metrics.jsonl'
  lines = path.read_text().split('\n')[:-1] if path.exists() else []
  return json.loads(lines[-1])['step'] if lines else 0


def _reached(workdir: pathlib.Path, step: int, command: Command) -> bool:
  """Whether this command, and not one before it, trains and has come so far."""
  path = workdir / 'metrics.jsonl'
  # What a killed run left is written anew when training goes on.
  writes = path.exists() and path.stat().st_mtime > command.started
  return writes and _last_step(workdir) >= step


def _saving(workdir: pathlib.Path) -> bool:
  """Whether a checkpoint is being written."""
  return any((workdir / 'checkpoints').glob('*orbax-checkpoint-tmp*'))


def _resumed_after(errors: str) -> int:
  found = re.search(r'resuming .* after step (\d+) of', errors)
  return int(found[1]) if found else 0


def kills(trainer: Trainer) -> Iterator[Outcome]:
  """SIGKILL, every other time while a checkpoint is written."""
  rng = np.random.default_rng(1)
  workdir = trainer.folder / 'killed'
  targets = np.sort(rng.choice(np.arange(1, STEPS - CHECKPOINT_EVERY), _KILLS, replace=False))
  killed, in_saves, before, lost = 0, 0, 0, []
  for number, target in enumerate(targets):
    command = trainer.start(workdir)

    def there(target=target, within=number % 2 == 1, command=command) -> bool:
      return _reached(workdir, target, command) and (not within or _saving(workdir))

    delay = 0.0 if number % 2 else float(rng.uniform(0, 0.1))
    killed += command.stop_when(there, delay, signal.SIGKILL)
    _, errors = command.finish()
    in_saves += _saving(workdir)
    lost.append(before - _resumed_after(errors))
    before = _last_step(workdir)
  code, errors = trainer.run(workdir)
  lost.append(before - _resumed_after(errors))
  equal = code == 0 and trainer.equal(workdir)
  yield Outcome(
    f'{killed} SIGKILLs at random moments of training, {in_saves} while a checkpoint was '
    'being written',
    'the same command goes on from the last checkpoint; in the end all is bitwise equal',
    f'parameters, optimiser, step and key {"equal" if equal else "differ from"} those of the run '
    'left alone' + ('' if code == 0 else f': {sentence(errors)}'),
    f'{max(lost)} steps at most, {sum(lost)} in all, with a checkpoint every {CHECKPOINT_EVERY}',
    equal and killed == _KILLS and in_saves > 0,
  )


def terminations(trainer: Trainer) -> Iterator[Outcome]:
  """SIGTERM."""
  rng = np.random.default_rng(2)
  workdir = trainer.folder / 'terminated'
  codes, lost, stopped_after = [], [], None
  for target in np.sort(rng.choice(np.arange(1, STEPS - 10), _TERMS, replace=False)):
    command = trainer.start(workdir)
    command.stop_when(
      lambda target=target, command=command: _reached(workdir, target, command),
      float(rng.uniform(0, 0.1)),
      signal.SIGTERM,
    )
    code, errors = command.finish()
    codes.append(code)
    if stopped_after is not None:
      lost.append(stopped_after - _resumed_after(errors))
    found = re.search(r'SIGTERM after step (\d+): everything is saved', errors)
    stopped_after = int(found[1]) if found else -1
  code, errors = trainer.run(workdir)
  lost.append(stopped_after - _resumed_after(errors))
  equal = code == 0 and trainer.equal(workdir)
  yield Outcome(
    f'{_TERMS} SIGTERMs at random moments of training',
    'saves, says after which step, exits with 143; nothing is lost',
    f'exit codes {sorted(set(codes))}; then parameters, optimiser, step and key '
    f'{"equal" if equal else "differ from"} those of the run left alone',
    f'{sum(map(abs, lost))} steps',
    equal and set(codes) == {143} and not any(lost),
  )


def truncated_checkpoint(trainer: Trainer) -> Iterator[Outcome]:
  """A file of the last checkpoint loses its end."""
  workdir = trainer.folder / 'truncated'
  code, errors = trainer.run(workdir, steps=30)
  assert code == 0, errors
  damaged = workdir / 'checkpoints' / '30'
  largest = max(
    (path for path in (damaged / 'params').rglob('*') if path.is_file()),
    key=lambda path: path.stat().st_size,
  )
  os.truncate(largest, largest.stat().st_size // 2)
  code, errors = trainer.run(workdir)
  named = refused(code, errors, str(damaged), 'delete that folder to go on from step 27')
  shutil.rmtree(damaged)
  after, later = trainer.run(workdir)
  equal = after == 0 and trainer.equal(workdir)
  yield Outcome(
    'half of the largest file of the last checkpoint is gone',
    'the folder is named, and what to do; the one before it serves',
    (f'"{sentence(errors)[:60]}..."' if named else f'exit code {code}: {sentence(errors)}')
    + f'; after it was deleted the run ended {"equal" if equal else "otherwise"}',
    f'{30 - _resumed_after(later)} steps',
    named and equal,
  )


# `main.py` with a number that is not finite in one scene, written after all were checked.
_NAN = """
import sys
import numpy as np
from experiments import main
from mese_env.errors import exit_on_user_error
from tfds_mese import own_data

opened = own_data.open_folder

def damaged(folder):
  dataset = opened(folder)
  class Damaged:
    def __len__(self):
      return len(dataset.splits['train'])
    def __getitem__(self, position):
      scene = dataset.splits['train'][position]
      if position == 3:
        scene['haptics'][0, 0] = np.nan
      return scene
  return type(dataset)(dataset.splits | {'train': Damaged()}, dataset.ranges, dataset.metadata)

own_data.open_folder = damaged
with exit_on_user_error():
  main.main(['main.py', *sys.argv[1:]])
"""


def not_a_number(trainer: Trainer) -> Iterator[Outcome]:
  """A NaN in a batch, refused or, if asked, skipped."""
  workdir = trainer.folder / 'nan'
  script = ['-c', _NAN]
  code, errors = run(
    [*script, *trainer.arguments(workdir, checkpoint_every=1)[1:]], trainer.compiled
  )
  named = refused(code, errors, 'became nan in step', 'scenes')
  found = re.search(r'in step (\d+), on the training scenes ([\d, ]+)', errors)
  right = bool(found) and '3' in found[2].split(', ')
  checkpoints = [int(p.name) for p in (workdir / 'checkpoints').iterdir() if p.name.isdigit()]
  kept = bool(found) and max(checkpoints) == int(found[1]) - 1
  yield Outcome(
    'a NaN in one scene of a batch',
    'the run stops, names step and scenes, and keeps the checkpoint before',
    f'"{sentence(errors)[:70]}..."; last checkpoint {max(checkpoints)}',
    '0 steps' if kept else 'unknown',
    named and right and kept,
  )
  workdir = trainer.folder / 'skipped'
  arguments = trainer.arguments(workdir, skip_nonfinite=2, steps=30)[1:]
  code, errors = run([*script, *arguments], trainer.compiled)
  records = [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]
  skipped = [r.get('skipped', 0) for r in records if r['split'] == 'train'][-1]
  yield Outcome(
    'the same with --config.skip_nonfinite=2',
    'such updates are skipped and counted, and the run goes on',
    f'exit code {code}, {skipped} updates of 30 skipped',
    f'{skipped} updates',
    code == 0 and 0 < skipped < 30,
  )


def full_disk(trainer: Trainer) -> Iterator[Outcome]:
  """A disk that is full, and then is not any more."""
  disk = trainer.folder / 'disk'
  disk.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', 'size=2m', 'faults', str(disk)]
  real = subprocess.run(mount, capture_output=True, check=False).returncode == 0
  if real:
    try:
      code, errors = trainer.run(disk / 'run')
      grow = ['mount', '-o', 'remount,size=500m', str(disk)]
      subprocess.run(grow, check=True, capture_output=True)
      after, later = trainer.run(disk / 'run')
      equal = after == 0 and trainer.equal(disk / 'run')
    finally:
      subprocess.run(['umount', '--lazy', str(disk)], check=True, capture_output=True)
  else:
    # A picture that cannot be written for want of space, as everything on /dev/full.
    picture = disk / 'run' / 'samples' / '00000030.png'
    picture.parent.mkdir(parents=True)
    picture.symlink_to('/dev/full')
    code, errors = trainer.run(disk / 'run', sample_every=30)
    picture.unlink()
    after, later = trainer.run(disk / 'run')
    equal = after == 0 and trainer.equal(disk / 'run')
  said = refused(code, errors, 'is full')
  yield Outcome(
    'a full disk (' + ('a tmpfs of 2 MB)' if real else 'injected: a picture written to /dev/full)'),
    'one sentence; once there is room, the same command goes on',
    f'"{sentence(errors)[:70]}..."; with room the run ended {"equal" if equal else "otherwise"}'
    + ('' if after == 0 else f': {sentence(later)}'),
    f'resumed after step {_resumed_after(later)}',
    said and equal,
  )


def vanished_dataset(trainer: Trainer) -> Iterator[Outcome]:
  """A dataset that is gone for a while."""
  workdir = trainer.folder / 'vanished'
  command = trainer.start(workdir)
  away = trainer.scenes.with_name('away')
  command.stop_when(lambda: _reached(workdir, 10, command), 0.0, 0)  # Signal 0 only asks.
  trainer.scenes.rename(away)
  code, errors = command.finish()
  reached = _last_step(workdir)
  away.rename(trainer.scenes)
  after, later = trainer.run(workdir)
  equal = after == 0 and trainer.equal(workdir)
  yield Outcome(
    'the dataset vanishes during training',
    'one sentence; once it is back, the same command goes on',
    f'"{sentence(errors)[:70]}..."; with it back the run ended {"equal" if equal else "otherwise"}',
    f'{reached - _resumed_after(later)} steps',
    refused(code, errors, 'cannot be read any more') and equal,
  )
