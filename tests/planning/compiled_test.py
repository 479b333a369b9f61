"""The step that is planned with is the step that training compiles."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from gmn_jax.planning.compiled import DoesNotFit, compile_step, trace
from gmn_jax.training.prepare import prepare
from gmn_jax.training.train_step import compiler_options
from mese_env import poses
from mese_env.errors import UserError
from tests.tiny_run import RANGES, tiny_config
from tfds_mese.dataset import Dataset

_ROOT = pathlib.Path(__file__).parents[2]


def _scene(index: int) -> dict[str, np.ndarray]:
  """A scene of noise as large as a generated one."""
  rng = np.random.default_rng(index)
  return {
    'images': rng.integers(0, 256, (15, 64, 64, 3), np.uint8),
    'cameras': np.float32([poses.query(poses.camera_pose(*a)) for a in rng.normal(size=(15, 2))]),
    'haptics': rng.normal(size=(15, 132)).astype(np.float32),
    'hands': rng.normal(size=(15, 5)).astype(np.float32),
    'index': np.int64(index),
  }


@pytest.mark.long
@pytest.mark.parametrize(
  'fields',
  [
    {'pooling': 'anchored', 'informed': True, 'renderer': 'volume'},
    {'accumulate': 2, 'modalities': 'm5', 'missing': 'extrapol12'},
  ],
)
def test_the_step_and_its_inputs_are_those_of_training(fields):
  config = tiny_config(**fields)
  splits = {split: [_scene(i) for i in range(2)] for split in ('train', 'val')}
  run = prepare(config, Dataset(splits, RANGES, {}))
  traced = trace(config, jax.devices())
  theirs = run.update.lower(run.like, run.batch_like, *run.given).as_text()
  assert traced.program.update.lower(*traced.inputs).as_text() == theirs


@pytest.mark.long
def test_a_compiled_step_tells_its_memory_and_text():
  config = tiny_config()
  compiled = compile_step(trace(config, jax.devices()))
  state, _, *_ = trace(config, jax.devices()).inputs
  sizes = [leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.params)]
  # Parameters and the two moments of each, all of them given back in place.
  assert compiled.memory.arguments > 3 * sum(sizes)
  assert compiled.memory.outputs < sum(sizes)
  assert compiled.memory.temporaries > 0 and 'ENTRY' in compiled.text


@pytest.mark.parametrize(
  ('message', 'needed', 'available'),
  [
    ('Used 21.95G of 15.48G hbm. Exceeded hbm capacity by 6.47G.', 21.95 * 2**30, 15.48 * 2**30),
    (
      'the total memory required for HLO temporaries (22.89G) exceeds available HBM (15.75G).',
      22.89 * 2**30,
      15.75 * 2**30,
    ),
    ('Used 900.5M of 1.00G hbm.', 900.5 * 2**20, 2**30),
    ('vmem is full', None, None),
  ],
)
def test_a_compiler_that_lacks_memory_is_understood(message, needed, available, monkeypatch):
  class Lowered:
    def compile(self):
      raise jax.errors.JaxRuntimeError(f'RESOURCE_EXHAUSTED: Ran out of memory. {message}')

  class Update:
    def lower(self):
      return Lowered()

  class Step:
    program, inputs = type('Program', (), {'update': Update()}), ()

  with pytest.raises(DoesNotFit) as caught:
    compile_step(Step())
  assert caught.value.needed == (needed and int(needed))
  assert caught.value.available == (available and int(available))


def test_another_failure_of_the_compiler_is_not_taken_for_lack_of_memory():
  class Update:
    def lower(self):
      raise jax.errors.JaxRuntimeError('INTERNAL: a bug')

  class Step:
    program, inputs = type('Program', (), {'update': Update()}), ()

  with pytest.raises(jax.errors.JaxRuntimeError, match='a bug'):
    compile_step(Step())


def test_what_xla_is_told_depends_on_the_platform_that_is_compiled_for():
  wide = tiny_config(width=64)
  assert compiler_options(wide, 'tpu') is None
  assert compiler_options(wide, 'cpu') == compiler_options(wide)
  assert compiler_options(wide, 'cpu') is not None


def test_a_sense_that_generated_scenes_lack_is_named(monkeypatch):
  with pytest.raises(UserError, match='the sensors of a grasp|haptic_channels is 7'):
    trace(tiny_config(modalities='m14', haptic_channels=7), jax.devices())


_TPU = """
import sys
from gmn_jax.planning.devices import compile_only_devices
from gmn_jax.planning.chips import parse_topology
from gmn_jax.planning.fit import fit
from gmn_jax.planning.report import Plan, report
from tests.tiny_run import tiny_config

topology = parse_topology('v5e:2x2')
fitted = fit(tiny_config(draw_steps=4), topology, compile_only_devices(topology), 2)
print(report(Plan(fitted, topology, 2, 1.5), 2))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec('libtpu') is None, reason='needs the extra tpu')
def test_a_plan_for_four_tpus():
  done = subprocess.run(
    [sys.executable, '-c', _TPU],
    cwd=_ROOT,
    env=os.environ | {'PYTHONPATH': str(_ROOT)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert '4 chips, 2 scenes on each, 8 a step' in done.stdout
  assert 'all-reduce' in done.stdout and 'of 16 GiB' in done.stdout
  assert 'scenes a second' in done.stdout and 'in the unit of the price' in done.stdout
  assert 'copies and transposes' in done.stdout
