"""The training loop: resumes, validates, samples, saves, and stops with everything on disk.

Where several processes are one run, all of them do the same, each with the scenes of its devices,
and the first one writes.
"""

import functools
import math
import pathlib
import signal
import sys
import time
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from gmn_jax.config import Config, make_missing, make_model
from gmn_jax.model import GMN
from gmn_jax.senses import cut_scenes
from gmn_jax.senses.sense import as_ranges
from gmn_jax.training.checkpoint import Checkpoints
from gmn_jax.training.distributed import Agreement, leads
from gmn_jax.training.flops import step_flops
from gmn_jax.training.heap import return_free_memory
from gmn_jax.training.input import KEPT_BYTES, Selected, check_dataset, read_first, train_batches
from gmn_jax.training.interruption import Interrupted, Interruption
from gmn_jax.training.metrics import Metrics, Silence, Throughput, memory_bytes
from gmn_jax.training.optimizer import make_optimizer
from gmn_jax.training.peak import peak_flops_per_s
from gmn_jax.training.profile import Profile
from gmn_jax.training.quiet_start import mean_biases
from gmn_jax.training.sharding import Layout, make_layout
from gmn_jax.training.train_step import TrainState, compiler_options, init_state, make_step
from gmn_jax.training.validation import Validation
from mese_env.errors import UserError, duration, explain_full_disk
from tfds_mese.dataset import Dataset

Array = jax.Array
_SCENES_OF_THE_MEAN = 64
_ROOM = 'the last complete checkpoint is kept; make room, and the same command goes on from there.'
_PROFILE_FROM = 10  # steps after the start, when everything is compiled and warm


def train(config: Config, dataset: Dataset, workdir: str | pathlib.Path) -> TrainState:
  """Trains to `config.steps`, from the last checkpoint in `workdir` if there is one.

  Writes checkpoints, `metrics.jsonl`, TensorBoard's files and sample pictures there.

  Args:
    config: of the run, as `gmn_jax.config.preset` makes one.
    dataset: its splits train and val are used.
    workdir: a new folder, or that of a run with this config.

  Returns:
    The state after the last step.

  Raises:
    UserError: batch and `fsdp` do not fit the devices, the dataset is not of the model's haptic
      channels, the workdir holds another run, scenes cannot be read, the disk is full, or a number
      is no longer finite.
    Interrupted: SIGTERM or SIGINT came; the state is saved.
  """
  workdir = pathlib.Path(workdir)
  check_dataset(config, dataset)
  layout = make_layout(config.batch_size, config.fsdp, jax.devices(), config.accumulate)
  model, optimizer = make_model(config), make_optimizer(config)
  host_ranges = as_ranges(dataset.ranges)
  ranges, missing = jax.device_put((host_ranges, make_missing(config)), layout.whole)
  sources = {split: Selected(dataset.splits[split], model.modalities) for split in ('train', 'val')}
  batches = train_batches(
    sources['train'],
    config.batch_size,
    config.seed,
    layout.scenes,
    config.few_scenes,
    config.few_steps,
    # Only an accelerator is done with a batch before the next one has been read from disk.
    kept_bytes=0 if jax.default_backend() == 'cpu' else KEPT_BYTES,
  )
  scenes = read_first(sources['train'], _SCENES_OF_THE_MEAN)
  quiet_biases = None
  if config.quiet_start:
    quiet_biases = mean_biases(model, cut_scenes(model.modalities, scenes, host_ranges))
  start = functools.partial(init_state, model, optimizer, config.seed, quiet_biases)
  shapes = jax.eval_shape(start)
  shardings = layout.state(shapes)
  like = jax.tree.map(_like, shapes, shardings)
  update = jax.jit(
    make_step(config, layout.parallel(model), optimizer),
    donate_argnums=0,
    out_shardings=(shardings, layout.whole),
    compiler_options=compiler_options(config),
  )
  validation = Validation(model, sources['val'], ranges, missing, layout, config)
  with (
    explain_full_disk(workdir, _ROOM),
    Checkpoints(workdir) as checkpoints,
    Interruption() as interruption,
  ):
    if checkpoints.latest_step is None:
      state = jax.block_until_ready(jax.jit(start, out_shardings=shardings)())
      # Shows at once that the folder can be written, and claims it for this config.
      checkpoints.save(state, batches, config, host_ranges)
    else:
      state = checkpoints.restore(like, batches, config)
      if leads():
        print(f'resuming {workdir} after step {int(state.step)} of {config.steps}', file=sys.stderr)
    # Ahead of the first step, which needs the memory that initialising and compiling leave behind.
    batch_like = _batch_like(scenes, config, layout)
    flops = step_flops(update, optimizer, like, batch_like, ranges, missing)
    update = _compile(update, like, batch_like, ranges, missing)
    return_free_memory()
    first = int(state.step)
    profile = Profile(workdir / 'profile', first + _PROFILE_FROM, config.profile_steps)
    writer = Metrics(workdir, first, config.steps) if leads() else Silence()
    with writer as metrics, profile:
      throughput = Throughput(flops / config.batch_size, _peak_flops_per_s(model))
      agreement = Agreement(layout)
      unread = []
      for step in range(first + 1, config.steps + 1):
        asked = time.monotonic()
        batch = _read(batches)
        throughput.add(config.batch_size, time.monotonic() - asked)
        profile.before(step)
        state, measured = update(state, batch, ranges, missing)
        received = agreement.exchange(interruption.received or 0)
        unread.append((step, measured, batch['index']))
        ends = step == config.steps
        validates = ends or step % config.validate_every == 0
        saves = validates or received or step % config.checkpoint_every == 0
        # Numbers are read one step late, while the devices work on the next, unless the state is
        # used at once: it is saved only after its step was seen to be finite.
        while len(unread) > (0 if saves else 1):
          _report(metrics, throughput, config, *unread.pop(0))
        elbo = None
        if validates:
          for name, values in validation.measure(state.params).items():
            metrics.write(step, name, values)
            elbo = float(values['elbo']) if elbo is None else elbo
        if ends or step % config.sample_every == 0:
          validation.draw(state.params, workdir / 'samples' / f'{step:08d}.png')
        if saves:
          checkpoints.save(state, batches, config, host_ranges, elbo)
        if received:
          checkpoints.wait()
          name = signal.Signals(received).name
          raise Interrupted(
            f'{name} after step {step}: everything is saved in {workdir}, and the same command '
            'goes on from there.',
            received,
          )
    checkpoints.wait()
    return state


def _compile(update: jax.stages.Wrapped, *like: Any) -> jax.stages.Compiled:
  """Compiles the step for such arguments, and says so: nothing else is seen for that long."""
  began = time.monotonic()
  if leads():
    print('compiling the training step', file=sys.stderr, flush=True)
  compiled = update.lower(*like).compile()
  if leads():
    print(f'compiled it in {duration(time.monotonic() - began)}', file=sys.stderr, flush=True)
  return compiled


def _like(leaf: jax.ShapeDtypeStruct, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _batch_like(
  scenes: dict[str, np.ndarray], config: Config, layout: Layout
) -> dict[str, jax.ShapeDtypeStruct]:
  """What a batch of scenes like these is, of all processes."""
  return {
    field: jax.ShapeDtypeStruct(
      (config.batch_size, *rows.shape[1:]), rows.dtype, sharding=layout.scenes
    )
    for field, rows in scenes.items()
  }


def _peak_flops_per_s(model: GMN) -> float:
  """Of all devices; simulated ones share their process's cores."""
  rate = peak_flops_per_s(jnp.dtype(model.dtype or jnp.float32), repeats=2)
  on_cpu = jax.default_backend() == 'cpu'
  return rate * (jax.process_count() if on_cpu else jax.device_count())


def _read(batches: grain.DatasetIterator) -> dict[str, Array]:
  try:
    return next(batches)
  except Exception as error:  # What is raised depends on the kind of the source.
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    raise UserError(
      f'the training scenes cannot be read any more ({reason}); the checkpoints are kept: put the '
      'dataset back, or build it again, and the same command goes on.'
    ) from error


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
      raise UserError(
        f'{name} became {float(measured[name])} in step {step}, on the training scenes {scenes}: '
        'the checkpoints before it are kept; try a smaller learning_rate, or more warmup_steps.'
      )
  metrics.advance()
  if step % config.log_every == 0:
    metrics.write(step, 'train', measured | throughput.read() | {'memory_bytes': memory_bytes()})
