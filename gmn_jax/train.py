"""The training loop: resumes, validates, samples, saves, and stops with everything on disk."""

import functools
import math
import pathlib
import sys
import time

import jax
import numpy as np
from ml_collections import ConfigDict

from gmn_jax import config as configs
from gmn_jax.batch import HapticRange
from gmn_jax.checkpoint import Checkpoints
from gmn_jax.input import train_batches
from gmn_jax.interruption import Interrupted, Interruption
from gmn_jax.metrics import Metrics, Throughput
from gmn_jax.sharding import data_parallel
from gmn_jax.train_step import TrainState, init_state, train_step
from gmn_jax.validation import Validation
from mese_env.errors import UserError
from tfds_mese.reading import Dataset

Array = jax.Array


def train(config: ConfigDict, dataset: Dataset, workdir: pathlib.Path) -> TrainState:
  """Trains to `config.steps`, from the last checkpoint in `workdir` if there is one.

  Writes checkpoints, `metrics.jsonl`, TensorBoard's files and sample pictures there.

  Args:
    config: as in `experiments/configs/apoe.py`, checked (`config.check`).
    dataset: its splits train and val are used.
    workdir: a new folder, or that of a run with this config.

  Returns:
    The state after the last step.

  Raises:
    UserError: the batch does not divide by the devices, the workdir holds another run, or a number
      is no longer finite.
    Interrupted: SIGTERM or SIGINT came; the state is saved.
  """
  whole, split = data_parallel(config.batch_size, jax.devices())
  model, optimizer = configs.make_model(config), configs.make_optimizer(config)
  haptic_range = jax.device_put(HapticRange(dataset.haptic_min, dataset.haptic_max), whole)
  batches = train_batches(dataset.splits['train'], config.batch_size, config.seed, split)
  update = jax.jit(
    functools.partial(
      train_step,
      model=model,
      optimizer=optimizer,
      opposite=config.opposite,
      beta=config.beta,
      std=config.std,
    ),
    donate_argnums=0,
    out_shardings=(whole, whole),
  )
  validation = Validation(
    model,
    dataset.splits['val'],
    config.validate_scenes,
    config.batch_size,
    haptic_range,
    config.std,
    split,
  )
  initial = jax.jit(
    functools.partial(init_state, model, optimizer, config.seed), out_shardings=whole
  )
  with Checkpoints(workdir) as checkpoints, Interruption() as interruption:
    if checkpoints.latest_step is None:
      state = initial()
      # Shows at once that the folder can be written, and claims it for this config.
      checkpoints.save(state, batches, config, haptic_range)
    else:
      like = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=whole),
        jax.eval_shape(initial),
      )
      state = checkpoints.restore(like, batches, config)
      print(f'resuming {workdir} after step {int(state.step)} of {config.steps}', file=sys.stderr)
    first = int(state.step)
    with Metrics(workdir, first, config.steps) as metrics:
      throughput = Throughput()
      unread = []
      for step in range(first + 1, config.steps + 1):
        asked = time.monotonic()
        batch = next(batches)
        throughput.add(config.batch_size, time.monotonic() - asked)
        state, measured = update(state, batch, haptic_range)
        unread.append((step, measured, batch['index']))
        signal = interruption.received
        ends = step == config.steps
        saves = ends or signal is not None or step % config.checkpoint_every == 0
        validates = ends or step % config.validate_every == 0
        # Numbers are read one step late, while the devices work on the next, unless the state is
        # used at once: it is saved only after its step was seen to be finite.
        while len(unread) > (0 if saves or validates else 1):
          _report(metrics, throughput, config.log_every, *unread.pop(0))
        if validates:
          metrics.write(step, 'val', validation.measure(state.params))
        if ends or step % config.sample_every == 0:
          validation.draw(state.params, workdir / 'samples' / f'{step:08d}.png')
        if saves:
          checkpoints.save(state, batches, config, haptic_range)
        if signal is not None:
          checkpoints.wait()
          raise Interrupted(
            f'{signal.name} after step {step}: everything is saved in {workdir}, and the same '
            'command goes on from there.',
            signal,
          )
    return state


def _report(
  metrics: Metrics,
  throughput: Throughput,
  log_every: int,
  step: int,
  measured: dict[str, Array],
  scenes_B: Array,
) -> None:
  """Waits for a step, refuses numbers that are not finite, and writes every `log_every`-th."""
  for name in ('loss', 'gradient_norm'):
    if not math.isfinite(measured[name]):
      scenes = ', '.join(map(str, np.asarray(scenes_B)))
      raise UserError(
        f'{name} became {float(measured[name])} in step {step}, on the training scenes {scenes}: '
        'the checkpoints before it are kept; try a smaller learning_rate, or more warmup_steps.'
      )
  metrics.advance()
  if step % log_every == 0:
    metrics.write(step, 'train', measured | throughput.read())

