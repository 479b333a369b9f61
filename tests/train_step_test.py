"""The training step: compiled once, equal on any number of devices, and free of TensorFlow."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import chex
import jax
import numpy as np
import pytest

from gmn_jax.sharding import data_parallel
from mese_env.errors import UserError
from tests.tiny_run import HAPTIC_RANGE, random_batch, tiny_config, tiny_step

_ROOT = pathlib.Path(__file__).parent.parent


def _run(script: str, *arguments: str, **environment: str) -> str:
  """Standard output of a Python script in a process of its own."""
  done = subprocess.run(
    [sys.executable, '-c', script, *arguments],
    cwd=_ROOT,
    env=os.environ | {'XLA_FLAGS': '--xla_backend_optimization_level=0', **environment},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout


def test_twenty_context_sizes_are_one_compilation_and_one_step_each():
  # From the quiet start everything is rendered as zeros at first, whatever is drawn.
  step, state = tiny_step(tiny_config(quiet_start=False))
  step = jax.jit(chex.assert_max_traces(functools.wraps(step.func)(step), n=1))
  before = jax.tree.map(np.asarray, state.params)
  batch, losses = random_batch(2), []
  for _ in range(20):
    state, metrics = step(state, batch, HAPTIC_RANGE)
    losses.append(float(metrics['loss']))
  assert int(state.step) == 20
  # Each step draws episodes and noise of its own.
  assert len(set(losses)) == 20
  changed = jax.tree.map(lambda a, b: bool(np.any(a != b)), before, state.params)
  assert all(jax.tree.leaves(changed))


_ON_DEVICES = """
import json, jax
from gmn_jax.sharding import data_parallel
from tests.tiny_run import HAPTIC_RANGE, random_batch, tiny_config, tiny_step

measured = {}
for count in (1, 2, 8):
  whole, split = data_parallel(8, jax.devices()[:count])
  step, state = tiny_step(tiny_config(batch_size=8))
  state, batch = jax.device_put(state, whole), jax.device_put(random_batch(8), split)
  step = jax.jit(step, out_shardings=(whole, whole))
  measured[count] = []
  for _ in range(2):
    state, metrics = step(state, batch, jax.device_put(HAPTIC_RANGE, whole))
    measured[count].append([float(metrics[n]) for n in ('loss', 'kl', 'gradient_norm')])
print(json.dumps(measured))
"""


def test_one_two_and_eight_devices_compute_the_same():
  measured = json.loads(_run(_ON_DEVICES, JAX_NUM_CPU_DEVICES='8'))
  np.testing.assert_allclose(measured['2'], measured['1'], rtol=1e-5)
  np.testing.assert_allclose(measured['8'], measured['1'], rtol=1e-5)


_TRAIN_TWO_STEPS = """
import pathlib, sys
from experiments import main
from gmn_jax.train import train
from tests.tiny_run import random_dataset, tiny_config
train(tiny_config(steps=2), random_dataset(), pathlib.Path(sys.argv[1]))
print([name for name in sys.modules if name.split('.')[0] == 'tensorflow'])
"""


def test_training_imports_no_tensorflow(tmp_path):
  assert _run(_TRAIN_TWO_STEPS, str(tmp_path)) == '[]\n'
  assert (tmp_path / 'checkpoints' / '2').is_dir()


def test_a_batch_that_does_not_divide_by_the_devices_is_refused():
  with pytest.raises(UserError, match='batch_size is 3, .* the nearest that does is 4'):
    data_parallel(3, jax.devices() * 4)
