"""The training step: compiled once, and free of TensorFlow."""

import functools
import os
import pathlib
import subprocess
import sys

import chex
import jax
import numpy as np
import pytest

from gmn_jax.training.train_step import known_options
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step

pytestmark = pytest.mark.long

_ROOT = pathlib.Path(__file__).parents[2]


def _run(script: str, *arguments: str) -> str:
  """Standard output of a Python script in a process of its own."""
  done = subprocess.run(
    [sys.executable, '-c', script, *arguments],
    cwd=_ROOT,
    env=os.environ | {'JAX_DISABLE_MOST_OPTIMIZATIONS': 'true'},
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
    state, metrics = step(state, batch, RANGES)
    losses.append(float(metrics['loss']))
  assert int(state.step) == 20
  # Each step draws episodes and noise of its own.
  assert len(set(losses)) == 20
  changed = jax.tree.map(lambda a, b: bool(np.any(a != b)), before, state.params)
  assert all(jax.tree.leaves(changed))


_TRAIN_TWO_STEPS = """
import pathlib, sys
from experiments import main
from gmn_jax.training.train import train
from tests.tiny_run import random_dataset, tiny_config
train(tiny_config(steps=2), random_dataset(), pathlib.Path(sys.argv[1]))
print([name for name in sys.modules if name.split('.')[0] == 'tensorflow'])
"""


def test_training_imports_no_tensorflow(tmp_path):
  assert _run(_TRAIN_TWO_STEPS, str(tmp_path)) == '[]\n'
  assert (tmp_path / 'checkpoints' / '2').is_dir()


def test_options_that_this_compiler_does_not_know_are_left_out():
  known = {'xla_cpu_enable_concurrency_optimized_scheduler': False}
  assert known_options(known | {'xla_cpu_no_such_option': True, 'xla_another': ''}) == known
