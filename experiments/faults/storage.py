"""A disk that is full, and files of a run that are damaged, lost or of another time."""

import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

from experiments.faults.outcomes import Outcome
from experiments.faults.processes import Ended, run
from experiments.faults.trainer import (
  PATCHED,
  Trainer,
  compared,
  require,
  resumed_after,
)

_DAY = 24 * 3600
# As many scenes and views as the tiny data have.
DENSITY = (
  'split=val',
  'scenes=2',
  'images=0,1',
  'grasps=0,1',
  'held_out=1',
  'estimator=iwae',
  'samples=2',
  'train_scenes=4',
)


def truncated_checkpoint(trainer: Trainer) -> Iterator[Outcome]:
  """A file of the last checkpoint loses its end."""
  workdir = trainer.folder / 'truncated'
  require(trainer.run(workdir, steps=30))
  damaged = workdir / 'checkpoints' / '30'
  largest = max(
    (path for path in (damaged / 'params').rglob('*') if path.is_file()),
    key=lambda path: path.stat().st_size,
  )
  os.truncate(largest, largest.stat().st_size // 2)
  ended = trainer.run(workdir)
  # What is advised is done: nothing good may be lost by it.
  named = ended.refused(str(damaged), 'move', 'step 27') and 'delete' not in ended.sentence
  damaged.rename(workdir / 'moved')
  later = trainer.run(workdir)
  equal = later.fine and trainer.equal(workdir)
  yield Outcome(
    'half of the largest file of the last checkpoint is gone',
    'the folder is named, and what to do; the one before it serves',
    f'{ended}; after it was moved away {compared(equal)}',
    f'{30 - resumed_after(later)} steps',
    named and equal,
    30 - resumed_after(later),
    3,
  )


def damaged_logs(trainer: Trainer) -> Iterator[Outcome]:
  """A bad line of metrics, and the damaged `metrics` of a checkpoint."""
  workdir = trainer.folder / 'logs'
  require(trainer.run(workdir, steps=60))
  path = workdir / 'metrics.jsonl'
  lines = path.read_text().splitlines(keepends=True)
  path.write_text(''.join([*lines[:3], 'x' * 40 + '\n', *lines[4:]]))
  (kept,) = (workdir / 'checkpoints').glob('60/metrics/metrics')
  kept.write_bytes(b'\0' * 25 + kept.read_bytes()[25:])
  ended = trainer.run(workdir)
  equal = ended.fine and trainer.equal(workdir, lines_lost=1)
  said = all(str(place) in ended.errors for place in (path, kept.parent))
  yield Outcome(
    'a line of metrics.jsonl, and 25 bytes of the metrics in a kept checkpoint, are damaged',
    'both are said, and the run goes on',
    f'{compared(equal)}, but for that line' if ended.fine else str(ended),
    '1 line',
    said and equal and resumed_after(ended) == 60,
  )


def finished(trainer: Trainer) -> Iterator[Outcome]:
  """A run that has ended is asked for again."""
  ended = trainer.run(trainer.undisturbed())
  yield Outcome(
    'a finished run is started again',
    'says at once that it is finished, compiles nothing, exits with 0',
    str(ended),
    'nothing',
    ended.fine and 'is finished' in ended.errors and 'compiling' not in ended.errors,
  )


def clock(trainer: Trainer) -> Iterator[Outcome]:
  """A clock that is set back by ten days after the files were written."""
  workdir = trainer.folder / 'clock'
  require(trainer.run(workdir, steps=60))
  tomorrow = time.time() + _DAY
  for path in workdir.rglob('*'):
    os.utime(path, (tomorrow, tomorrow))
  patch = f'import time\nnow = time.time\ntime.time = lambda: now() - {10 * _DAY}'
  ended = trainer.run_script(PATCHED.format(patch=patch), workdir)
  equal = ended.fine and trainer.equal(workdir)
  yield Outcome(
    'the clock is set back by ten days, and all files are of tomorrow',
    'the run goes on as if not',
    compared(equal) if ended.fine else str(ended),
    f'{60 - resumed_after(ended)} steps',
    equal,
    60 - resumed_after(ended),
  )


def full_disk(trainer: Trainer) -> Iterator[Outcome]:
  """A disk that is full, and then is not any more: of a training, and of an evaluation."""
  disk = trainer.folder / 'disk'

  def train() -> Ended:
    return trainer.run(disk / 'run')

  ended, later = _on_full_disk(disk, train)
  equal = later.fine and trainer.equal(disk / 'run')
  yield Outcome(
    'a full disk in a training (a tmpfs of 2 MB)',
    'one sentence; once there is room, the same command goes on',
    f'{ended}; with room {compared(equal)}' + ('' if later.fine else f': {later}'),
    f'resumed after step {resumed_after(later)}',
    ended.refused('is full') and equal,
  )
  shutil.copytree(trainer.undisturbed(), run_of := trainer.folder / 'evaluated')

  def evaluate(workdir: pathlib.Path) -> Ended:
    given = [f'--workdir={workdir}', '--mode=density', *(f'--{name}' for name in DENSITY)]
    return run(['experiments/main.py', *given], trainer.compiled)

  expected = require(evaluate(run_of))
  disk = trainer.folder / 'disk_of_evaluation'
  ended, later = _on_full_disk(disk, lambda: evaluate(disk / 'run'), trainer.undisturbed())
  same = later.fine and _numbers(later) == _numbers(expected)
  yield Outcome(
    'a full disk in an evaluation (a tmpfs without room)',
    'one sentence; once there is room, the same command has the same numbers',
    f'{ended}; with room {"the same numbers" if same else f"otherwise: {later}"}',
    'nothing',
    (ended.refused('cannot write') or ended.refused('is full')) and same,
  )


def _numbers(ended: Ended) -> list[str]:
  """What an evaluation printed, but for how long it took."""
  return [line for line in ended.output.splitlines() if 'took' not in line and '/' not in line]


def _on_full_disk(
  disk: pathlib.Path, act: Callable[[], Ended], copied: pathlib.Path | None = None
) -> tuple[Ended, Ended]:
  """How what acts ends on a full disk, and again with room; needs the right to mount one.

  Args:
    disk: where it is mounted; afterwards it is a folder with what was on it.
    act: works in its folder `run`.
    copied: what is in that folder before, beside which there is no room at all; None: nothing, and
      a little room.
  """
  disk.mkdir()
  room = sum(path.stat().st_size for path in copied.rglob('*')) if copied else 0
  size = f'size={2 * 2**20 + 2 * room}'
  _command('mount', '-t', 'tmpfs', '-o', size, 'faults', str(disk))
  kept = disk.with_name(f'{disk.name}_kept')
  try:
    if copied:
      shutil.copytree(copied, disk / 'run')
      _fill(disk)
    ended = act()
    (disk / 'filling').unlink(missing_ok=True)
    _command('mount', '-o', 'remount,size=500m', str(disk))
    later = act()
    shutil.copytree(disk, kept)
  finally:
    _command('umount', '--lazy', str(disk))
  disk.rmdir()
  kept.rename(disk)
  return ended, later


def _command(*arguments: str) -> None:
  done = subprocess.run(arguments, capture_output=True, text=True, check=False)
  if done.returncode:
    raise PermissionError(f'{" ".join(arguments)}: {done.stderr.strip()} (it needs root)')


def _fill(disk: pathlib.Path) -> None:
  """Takes all the room there is."""
  with (disk / 'filling').open('wb', buffering=0) as file:
    try:
      while file.write(bytes(4096)):
        pass
    except OSError:
      return
