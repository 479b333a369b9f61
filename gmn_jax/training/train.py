"""The training loop: resumes, validates, samples, saves, and stops with everything on disk.

Where several processes are one run, all of them do the same, each with the scenes of its devices,
and the first one writes.
"""

import math
import pathlib
import signal
import sys
import time
from typing import Any, NoReturn

import jax
from jax.experimental import multihost_utils

from gmn_jax.config import Config
from gmn_jax.trackers import require_installed
from gmn_jax.training.byproducts import never_fatal
from gmn_jax.training.checkpoint import Checkpoints
from gmn_jax.training.claim import Claim
from gmn_jax.training.distributed import Agreement, leads
from gmn_jax.training.flops import step_flops
from gmn_jax.training.heap import keep_free_memory, return_free_memory
from gmn_jax.training.input import explain_lost_scenes
from gmn_jax.training.interruption import Interrupted, Interruption
from gmn_jax.training.metrics import Metrics, Silence, Throughput, memory_bytes
from gmn_jax.training.prepare import Prepared, prepare
from gmn_jax.training.profile import Profile
from gmn_jax.training.spoiled import spoiled
from gmn_jax.training.train_step import TrainState, keeps_free_memory
from gmn_jax.training.validation import SEEN
from mese_env.errors import duration, explain_full_disk
from tfds_mese.dataset import Dataset

Array = jax.Array
_ROOM = 'the last complete checkpoint is kept; make room, and the same command goes on from there.'
_PROFILE_FROM = 10  # steps after the start, when everything is compiled and warm


def train(
  config: Config, dataset: Dataset, workdir: str | pathlib.Path, accept_data: bool = False
) -> TrainState:
  """Trains to `config.steps`, from the last checkpoint in `workdir` if there is one.

  Writes checkpoints, sample pictures, and what the trackers of the config write there.

  Args:
    config: of the run, as `gmn_jax.config.preset` makes one.
    dataset: its splits train and val are used.
    workdir: a new folder, or that of a run with this config, on these data wherever they are.
    accept_data: whether a run may go on with other data than it had, which are its data from then
      on.

  Returns:
    The state after the last step.

  Raises:
    UserError: batch and `fsdp` do not fit the devices, the dataset is not of the model's
      senses, a tracker is not installed, the workdir holds another run, was trained on other data,
      is in use or cannot be written, scenes or a checkpoint cannot be read, the disk is full, or a
      number is no longer finite.
    Interrupted: SIGTERM or SIGINT came; the state is saved.
  """
  if leads():
    require_installed(config.track)
  workdir = pathlib.Path(workdir)
  with explain_full_disk(workdir, _ROOM), Claim(workdir):
    run = prepare(config, dataset)
    with (
      Checkpoints(workdir, dataset.identity, accept_data) as checkpoints,
      Interruption() as interruption,
    ):
      state = _begin(run, config, checkpoints, workdir)
      if int(state.step) < config.steps:
        state = _train_on(state, run, config, checkpoints, workdir, interruption)
      checkpoints.wait()
      # One that came after the loop had looked for it.
      if interruption.received:
        _stop(interruption.received, int(state.step), workdir)
      return state


def _train_on(
  state: TrainState,
  run: Prepared,
  config: Config,
  checkpoints: Checkpoints,
  workdir: pathlib.Path,
  interruption: Interruption,
) -> TrainState:
  """The state after `config.steps`, from one before; saves on the way."""
  # Ahead of the first step, which needs the memory that initialising and compiling leave behind.
  flops = step_flops(
    run.update,
    run.optimizer,
    run.like,
    run.batch_like,
    *run.given,
    platform=jax.default_backend(),
  )
  update = _compile(run.update, run.like, run.batch_like, *run.given)
  return_free_memory()
  if keeps_free_memory(config):
    keep_free_memory()
  first = int(state.step)
  profile = Profile(workdir / 'profile', first + _PROFILE_FROM, config.profile_steps)
  writer = Metrics(config, workdir, first) if leads() else Silence()
  with writer as metrics, profile:
    throughput = Throughput(flops / config.batch_size)
    agreement = Agreement(run.layout)
    unread = []
    for step in range(first + 1, config.steps + 1):
      asked = time.monotonic()
      with explain_lost_scenes():
        batch = next(run.batches)
      throughput.add(config.batch_size, time.monotonic() - asked)
      profile.before(step)
      state, measured = update(state, batch, *run.given)
      received = agreement.exchange(interruption.received or 0)
      unread.append((step, measured, batch['index']))
      ends = step == config.steps
      validates = ends or step % config.validate_every == 0
      saves = validates or received or step % config.checkpoint_every == 0
      # Numbers are read one step late, while the devices work on the next, unless the state is
      # used at once: it is saved only after its step was seen to be finite.
      while len(unread) > (0 if saves else 1):
        _report(metrics, throughput, config, *unread.pop(0))
      elbo = _validate(run, metrics, step, state) if validates else None
      if saves:
        checkpoints.save(state, run.batches, config, run.ranges, elbo)
      if ends or step % config.sample_every == 0:
        with never_fatal(f'the sample picture of step {step}'):
          run.validation.save_samples(state.params, workdir / 'samples' / f'{step:08d}.png')
      if received:
        checkpoints.wait()
        _stop(received, step, workdir)
  return state


def _begin(
  run: Prepared, config: Config, checkpoints: Checkpoints, workdir: pathlib.Path
) -> TrainState:
  """The state of the last checkpoint; without one that at step 0, which is saved."""
  if checkpoints.latest_step is not None:
    state = checkpoints.restore(run.like, run.batches, config, run.ranges)
    step = int(state.step)
    if leads() and step < config.steps:
      print(f'resuming {workdir} after step {step} of {config.steps}', file=sys.stderr)
    elif leads():
      print(
        f'{workdir} is finished: it was trained for {step} steps, and {config.steps} are asked '
        'for; give more --config.steps to go on.',
        file=sys.stderr,
      )
    return state
  state = jax.block_until_ready(run.start())
  # Shows at once that the folder can be written, and claims it for this config.
  checkpoints.save(state, run.batches, config, run.ranges)
  return state


def _validate(run: Prepared, metrics: Metrics | Silence, step: int, state: TrainState) -> float:
  """Measures and writes; returns the ELBO of `val`, which tells the best checkpoint.

  Raises:
    UserError: an ELBO is not finite.
  """
  measured = run.validation.measure(state.params)
  for name, values in measured.items():
    # A training scene that is not finite is a matter of the steps, which may skip it.
    if name != SEEN and not math.isfinite(values['elbo']):
      raise spoiled(
        f'the validation ELBO of {name} is {float(values["elbo"])} after step {step}',
        'look at the scenes of the split val, or ',
      )
  metrics.validated(step, measured)
  return float(measured['val']['elbo'])


def _stop(received: int, step: int, workdir: pathlib.Path) -> NoReturn:
  name = signal.Signals(received).name
  raise Interrupted(
    f'{name} after step {step}: everything is saved in {workdir}, and the same command goes on '
    'from there.',
    received,
  )


def _compile(update: jax.stages.Wrapped, *like: Any) -> jax.stages.Compiled:
  """Compiles the step for such arguments, and says so: nothing else is seen for that long."""
  began = time.monotonic()
  if leads():
    print('compiling the training step', file=sys.stderr, flush=True)
  compiled = update.lower(*like).compile()
  if leads():
    print(f'compiled it in {duration(time.monotonic() - began)}', file=sys.stderr, flush=True)
  return compiled


def _report(
  metrics: Metrics | Silence,
  throughput: Throughput,
  config: Config,
  step: int,
  measured: dict[str, Array],
  scenes_B: Array,
) -> None:
  """Waits for a step, refuses numbers that are not finite, and writes every `log_every`-th."""
  for name in ('loss', 'gradient_norm'):
    if not math.isfinite(measured[name]):
      if config.skip_nonfinite and measured['skipped_in_a_row'] <= config.skip_nonfinite:
        continue
      scenes = ', '.join(map(str, multihost_utils.process_allgather(scenes_B, tiled=True)))
      raise spoiled(
        f'{name} became {float(measured[name])} in step {step}, on the training scenes {scenes}',
        'look at those scenes, or ',
      )
  metrics.advance()
  if step % config.log_every == 0:
    metrics.train(step, measured | throughput.read() | {'memory_bytes': memory_bytes()})
