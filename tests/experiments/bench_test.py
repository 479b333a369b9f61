"""The bench's bars say what was missed, and its rows are configurations that there are."""

import pytest

from experiments.bench import bars
from experiments.bench.__main__ import FEW, every_row
from experiments.bench.step import parse


def _records(**changed):
  """What a fast machine would have measured, `changed` in every training step."""
  step = {
    'median_ms': 889,
    'flops': 8e11,
    'flops_per_s': 9e11,
    'peak_flops_per_s': 1e12,
    'share_of_peak': 0.9,
    'peak_bytes': 2e9,
    'compile_s': 9.0,
    'plain_over_hoisted': 2.2,
  }
  steps = {row.name: step | changed for row in FEW}
  env = {'scenes/s/core': 7.0, 'share of grasp and frame times': 0.95}
  return steps, env, {'read over consumed': 30.0}


def _missed(steps, env, read):
  return [bar.what for bar in bars.judge(steps, env, read) if not bar.met]


def test_a_fast_machine_meets_every_bar():
  assert not _missed(*_records())


def test_what_is_too_slow_or_too_large_is_named():
  assert len(_missed(*_records(median_ms=3000))) == 3 + 4
  assert 'peak memory of apoe m2, GB' in _missed(*_records(peak_bytes=2.5e9))
  steps, env, read = _records()
  steps['full-poe-m14-float32'] = steps['full-poe-m14-float32'] | {'share_of_peak': 0.5}
  assert _missed(steps, env | {'scenes/s/core': 5.0}, read) == [
    'shares of peak of apoe and poe at m14, lesser over greater',
    'scenes/s/core',
  ]
  text = bars.table(bars.judge(steps, env, read))
  assert text.count('MISSED') == 1 and text.count('met') == len(text.splitlines()) - 2


@pytest.mark.parametrize('rows', [FEW, every_row()])
def test_every_row_is_a_command_that_step_understands(rows):
  for row in rows:
    command = parse(['step.py', *row.arguments])
    assert (command.config.variant, command.config.modalities) == (row.variant, row.modalities)
    assert command.config.dtype == row.dtype
  assert len({row.name for row in rows}) == len(rows)
