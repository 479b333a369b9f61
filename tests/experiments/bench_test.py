"""The bench's bars say what was missed, and its rows are configurations that there are."""

import functools

import jax
import pytest

from experiments.bench import bars, fed, gpu, subject
from experiments.bench.__main__ import FEW, every_row
from experiments.bench.commands import STEP
from experiments.bench.step import understood
from gmn_jax.config import make_model, preset
from gmn_jax.optimisers import make_optimizer
from gmn_jax.training.flops import step_flops
from gmn_jax.training.train_step import init_state
from mese_env.errors import UserError
from tests.tiny_run import tiny_config


def _records(**changed):
  """What a fast machine would have measured, `changed` in every training step."""
  form = {'median_ms': 2500, 'over_chosen': 2.5, 'compile_s': 9.0}
  step = {
    'median_ms': 1000,
    'flops_per_s': 5e11,
    'share_of_peak': 0.5,
    'peak_bytes': 2e9,
    'compile_s': 10.0,
    'in_turns': {'direct': form, 'plain': form | {'median_ms': 6000}},
  }
  steps = {row.name: step | changed for row in FEW}
  env = {'scenes/s/core': 7.0, 'share of grasp and frame times': 0.95}
  return steps, env, {'read over consumed': 30.0}


def _missed(steps, env, read):
  return [bar.what for bar in bars.judge(steps, env, read) if not bar.met]


def test_a_fast_machine_meets_every_bar():
  assert not _missed(*_records())


def test_a_slow_machine_misses_none_because_it_is_slow():
  steps, env, read = _records(median_ms=50_000, flops_per_s=1e10)
  assert not _missed(steps, env, read)


def test_what_is_too_slow_or_too_large_is_named():
  assert _missed(*_records(peak_bytes=2.5e9)) == ['peak memory of apoe m2, GB']
  assert _missed(*_records(compile_s=13.0)) == ['compilation of apoe m2, chosen form over direct']
  assert _missed(*_records(share_of_peak=0.1)) == ['  share of peak of its arithmetic'] * 4
  no_gain = _records(
    in_turns={
      'direct': {'median_ms': 900, 'over_chosen': 0.9, 'compile_s': 9.0},
      'plain': {'median_ms': 2200},
    }
  )
  assert [name.split(',')[1] for name in _missed(*no_gain)] == [' direct form over chosen'] * 4
  steps, env, read = _records()
  steps['full-poe-m14-float32'] = steps['full-poe-m14-float32'] | {'share_of_peak': 0.35}
  assert _missed(steps, env | {'scenes/s/core': 5.0}, read) == [
    'shares of peak of apoe and poe at m14, lesser over greater',
    'scenes/s/core',
  ]
  _, *lines = bars.table(bars.judge(steps, env, read)).splitlines()
  assert [line.rsplit(None, 1)[1] for line in lines].count('MISSED') == 1
  assert {line.rsplit(None, 1)[1] for line in lines} == {'met', 'MISSED'}


@pytest.mark.parametrize('rows', [FEW, every_row()])
def test_every_row_is_a_command_that_step_understands(rows):
  for row in rows:
    command = understood(STEP.read('step.py', row.arguments))
    assert (command.config.variant, command.config.modalities) == (row.variant, row.modalities)
    assert command.config.dtype == row.dtype
    # As the demo trains it.
    assert command.config.accumulate == (4 if row.preset == 'small' else 1)
  assert len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize('field', ['renderer=volume', 'absent=mask', 'hierarchical=True'])
def test_what_the_authors_form_lacks_is_refused(field):
  chosen = ['--config=apoe:full', '--plain', '--config.absent=prior', f'--config.{field}']
  with pytest.raises(UserError, match=f'--plain needs .*{field.split("=")[0]}'):
    understood(STEP.read('step.py', chosen))


def test_what_has_a_bar_is_measured():
  forms = {row.name: understood(STEP.read('step.py', row.arguments)).forms for row in FEW}
  for variant, modalities in (('apoe', 'm2'), ('apoe', 'm5'), ('apoe', 'm14'), ('poe', 'm14')):
    assert 'direct' in forms[f'full-{variant}-{modalities}-float32']
  for modalities in ('m2', 'm14'):
    assert 'plain' in forms[f'full-apoe-{modalities}-float32']


@pytest.mark.parametrize('tiny', [False, True])
def test_the_gpu_script_times_three_presets_with_three_batches_and_profiles_one(tmp_path, tiny):
  found = list(gpu.measurements(tmp_path, tiny))
  commands = [understood(STEP.read(wanted.script, wanted.arguments)) for wanted in found]
  assert len({wanted.name for wanted in found}) == len(found) == 10
  assert [wanted.script for wanted in found].count('step.py') == 9
  assert {(c.config.preset, c.config.dtype) for c in commands} == {
    (preset, 'bfloat16') for preset in ('small', 'medium', 'full')
  }
  assert [c.config.preset for c in commands if c.profile] == ['full']
  # Each preset's own batch is measured first.
  assert len({c.config.preset for c in commands[:3]}) == 3
  assert all(c.config.width == 2 for c in commands) == tiny


@pytest.mark.long
def test_what_is_counted_is_the_arithmetic_of_the_form_that_this_machine_computes():
  config = preset('small', draw_steps=2, batch_size=8, optimizer='adam')
  optimizer, scenes = make_optimizer(config), next(subject.fresh_scenes(config))

  def count(model, platform):
    state = jax.eval_shape(functools.partial(init_state, model, optimizer, 0))
    step = subject.training_step(config, model)
    return step_flops(step, optimizer, state, scenes, subject.RANGES, platform=platform)

  model = make_model(config)
  direct = count(model.clone(direct=True), 'cpu')
  assert count(model, 'cpu') < direct
  # A GPU computes the direct form.
  assert count(model, 'gpu') == direct


def test_no_step_meets_scenes_again():
  batches = subject.fresh_scenes(preset('small', batch_size=2))
  first, second = next(batches), next(batches)
  for field in first:
    assert (first[field] != second[field]).any() and first[field].shape == second[field].shape


@pytest.mark.long
def test_training_is_timed_as_it_is_fed():
  measured = fed.measure(tiny_config(batch_size=1, image_size=8), steps=1)
  assert measured['scenes_per_second'] > 0 and 0 <= measured['input_wait'] <= 1
  assert measured['steps'] == 4
