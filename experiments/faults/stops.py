"""Training that is killed or stopped, alone, beside another, or with all that it started."""

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator

import numpy as np

from experiments.faults.outcomes import Outcome
from experiments.faults.processes import Command, run, running_children, runs
from experiments.faults.storage import DENSITY
from experiments.faults.trainer import (
  CHECKPOINT_EVERY,
  MOST_LOST,
  STEPS,
  Trainer,
  checkpoints,
  compared,
  last_step,
  reached,
  require,
  resumed_after,
  saving,
)

_KILLS, _TERMS, _STARTS = 20, 5, 12
_AGAIN = 'the same command goes on from the last checkpoint; in the end all is bitwise equal'


def kills(trainer: Trainer) -> Iterator[Outcome]:
  """SIGKILL, every other time while a checkpoint is written."""
  rng = np.random.default_rng(1)
  workdir = trainer.folder / 'killed'
  targets = np.sort(rng.choice(np.arange(1, STEPS - CHECKPOINT_EVERY), _KILLS, replace=False))
  killed, in_saves, before, lost = 0, 0, 0, []
  for number, target in enumerate(targets):
    command = trainer.start(workdir)

    def there(target=target, within=number % 2 == 1, command=command) -> bool:
      return reached(workdir, target, command) and (not within or saving(workdir))

    delay = 0.0 if number % 2 else float(rng.uniform(0, 0.1))
    killed += command.stop_when(there, delay, signal.SIGKILL)
    ended = command.finish()
    in_saves += saving(workdir)
    lost.append(before - resumed_after(ended))
    before = last_step(workdir)
  ended = trainer.run(workdir)
  lost.append(before - resumed_after(ended))
  equal = ended.fine and trainer.equal(workdir)
  yield Outcome(
    f'{killed} SIGKILLs at random moments of training, {in_saves} while a checkpoint was '
    'being written',
    f'{_AGAIN}; of steps at most two checkpoints are lost',
    compared(equal) + ('' if ended.fine else f': {ended}'),
    f'{max(lost)} steps at most, {sum(lost)} in all, with a checkpoint every {CHECKPOINT_EVERY}',
    equal and killed == _KILLS and in_saves > 0,
    max(lost),
    MOST_LOST,
  )


def terminations(trainer: Trainer) -> Iterator[Outcome]:
  """SIGTERM."""
  rng = np.random.default_rng(2)
  workdir = trainer.folder / 'terminated'
  codes, lost, stopped_after = [], [], None
  for target in np.sort(rng.choice(np.arange(1, STEPS - 10), _TERMS, replace=False)):
    command = trainer.start(workdir)
    command.stop_when(
      lambda target=target, command=command: reached(workdir, target, command),
      float(rng.uniform(0, 0.1)),
      signal.SIGTERM,
    )
    ended = command.finish()
    codes.append(ended.code)
    if stopped_after is not None:
      lost.append(abs(stopped_after - resumed_after(ended)))
    found = re.search(r'SIGTERM after step (\d+): everything is saved', ended.errors)
    stopped_after = int(found[1]) if found else -1
  ended = trainer.run(workdir)
  lost.append(abs(stopped_after - resumed_after(ended)))
  equal = ended.fine and trainer.equal(workdir)
  yield Outcome(
    f'{_TERMS} SIGTERMs at random moments of training',
    'saves, says after which step, exits with 143; nothing is lost',
    f'exit codes {sorted(set(codes))}; then {compared(equal)}',
    f'{sum(lost)} steps',
    equal and set(codes) == {143},
    max(lost),
  )


def starts(trainer: Trainer) -> Iterator[Outcome]:
  """SIGINT between the start of a command and its first step."""
  rng = np.random.default_rng(6)
  workdir, codes, wrong = trainer.folder / 'interrupted', [], []
  for delay in np.sort(rng.uniform(1.0, 6.0, _STARTS)):
    # Anew each time: together they would train to the end, and nothing be left to stop.
    shutil.rmtree(workdir, ignore_errors=True)
    command = trainer.start(workdir)
    due = time.monotonic() + float(delay)
    stopped = command.stop_when(
      lambda due=due, command=command: time.monotonic() > due or reached(workdir, 1, command),
      0.0,
      signal.SIGINT,
    )
    ended = command.finish()
    codes.append(ended.code)
    if not stopped or ended.code != 130 or 'Traceback' in ended.errors:
      wrong.append(f'after {delay:.1f} s: {ended}')
  ended = trainer.run(workdir)
  equal = ended.fine and trainer.equal(workdir)
  yield Outcome(
    f'{_STARTS} times Ctrl-C before the first step of a training, or at it',
    'one line and exit code 130, without a traceback; then the same command goes on',
    '; '.join(wrong) or f'exit codes {sorted(set(codes))}; then {compared(equal)}',
    '0 steps',
    not wrong and equal,
  )


def two_writers(trainer: Trainer) -> Iterator[Outcome]:
  """A second training of a folder, and one with another config."""
  workdir = trainer.folder / 'shared'
  first = trainer.start(workdir)
  # It must not have ended before the others ask.
  stopped = first.stop_when(lambda: reached(workdir, 2, first), 0.0, signal.SIGSTOP)
  seconds = [trainer.run(workdir, **fields) for fields in ({}, {'variant': 'poe'})]
  first.send(signal.SIGCONT)
  ended = first.finish()
  equal = ended.fine and trainer.equal(workdir)
  yield Outcome(
    'a second training is started in the folder of one that runs, and one of another variant',
    'both are refused with a sentence that names the folder; the first ends as if alone',
    f'{seconds[0]}; {compared(equal)}',
    '0 steps',
    stopped and all(second.refused(str(workdir)) for second in seconds) and equal,
  )


def one_of_two(trainer: Trainer) -> Iterator[Outcome]:
  """SIGKILL to one of two processes that are one run."""
  workdir = trainer.folder / 'together'
  devices = {'XLA_FLAGS': '--xla_force_host_platform_device_count=1'}

  def start() -> list[Command]:
    with socket.socket() as free:
      free.bind(('localhost', 0))
      port = free.getsockname()[1]
    places = [f'--distributed={place}/2@localhost:{port}' for place in (1, 2)]
    arguments = trainer.arguments(workdir, steps=30, validate_every=30)
    return [Command([*arguments, place], trainer.compiled, devices) for place in places]

  first, second = start()
  killed = second.stop_when(lambda: reached(workdir, 5, first), 0.0, signal.SIGKILL)
  began = time.monotonic()
  second.finish()
  left = first.finish()
  waited, before = time.monotonic() - began, last_step(workdir)
  again = [command.finish() for command in start()]
  lost = before - resumed_after(again[0])
  done = all(ended.fine for ended in again) and checkpoints(workdir)[-1:] == [30]
  yield Outcome(
    'SIGKILL to one of two processes of a run',
    'the other ends by itself within two minutes; started again, both go on',
    f'the other ended after {waited:.0f} s with exit code {left.code}; then both '
    + ('trained to the end' if done else f'ended: {again[0]}; {again[1]}'),
    f'{lost} steps',
    killed and left.code != 0 and waited < 150 and done,
    lost,
    MOST_LOST,
  )


def stopped_with_all(trainer: Trainer) -> Iterator[Outcome]:
  """SIGTERM to the commands that start others."""
  fields = [a for a in trainer.arguments(trainer.folder) if re.match(r'--config\.(?!steps)', a)]
  comparison = trainer.folder / 'comparison'
  compare = [
    'experiments/compare.py',
    '--configs=apoe',
    '--seeds=1',
    '--steps=60',
    '--modes=density',
    *(f'--density.{name}' for name in DENSITY),
    f'--workdir={comparison}',
    *fields,
  ]
  data = trainer.folder / 'demo'
  # Its folder is below the folder that it is run in.
  demo = f'import os, runpy, sys; sys.path.insert(0, os.getcwd()); os.chdir({str(data)!r}); '
  demo += f'runpy.run_path({os.path.abspath("experiments/demo.py")!r}, run_name="__main__")'
  data.mkdir()
  for name, arguments in (('compare.py', compare), ('make demo', ['-c', demo])):
    environment = {'TFDS_DATA_DIR': str(data)}
    command = Command(arguments, trainer.compiled, environment)
    stopped = command.stop_when(lambda command=command: bool(running_children(command.pid)), 3.0, 0)
    children = running_children(command.pid)
    command.send(signal.SIGTERM)
    ended = command.finish()
    left = [child for child in children if runs(child)]
    yield Outcome(
      f'SIGTERM to {name}, while what it started runs',
      'ends with 143 what it started, and itself',
      f'exit code {ended.code}; {len(left)} of {len(children)} processes were left'
      + ('' if ended.quiet else f'; {ended.errors[-600:]!r}'),
      'nothing that was finished',
      stopped and bool(children) and not left and ended.code == 143 and ended.quiet,
    )  # fmt: skip
  require(run(compare, trainer.compiled))
  shutil.rmtree(comparison)
