"""A run prints few lines, at whatever pace it is trained, and says what its numbers are."""

import itertools

import pytest

from gmn_jax.training import console
from tests.tiny_run import tiny_config


@pytest.fixture
def clock(monkeypatch):
  """Seconds that pass when they are told to."""
  passed = [0.0]
  monkeypatch.setattr(console.time, 'monotonic', lambda: passed[0])
  return passed


@pytest.mark.parametrize('seconds_a_step', [0.001, 0.15, 0.7, 30.0])
def test_lines_are_few_and_seldom_far_apart(seconds_a_step, clock, capsys):
  config, shown = tiny_config(steps=3250), []
  run = console.Console(config, 0)
  for step in range(1, 3251):
    clock[0] += seconds_a_step
    run.advance()
    if step % 5 == 0:
      run.train(step, {'elbo': 4000.0})
    if step % 125 == 0:
      run.validated(step, {'val': {'elbo': 7800.0}, 'val_seen': {'elbo': 7900.0}})
    if err := capsys.readouterr().err:
      shown += [(clock[0], line) for line in err.splitlines()]
  run.close()
  times, lines = zip(*shown, strict=True)
  validations = [line for line in lines if 'of val 7800.0 nats, of val_seen 7900.0 nats' in line]
  assert len(validations) == 26 and lines[-1].endswith('0 s left')
  assert len(lines) <= 28 + times[-1] / 120
  apart = [later - sooner for sooner, later in itertools.pairwise(times)]
  assert max(apart) < max(126 * seconds_a_step, 121) and max(apart) < 121 + 5 * seconds_a_step


@pytest.mark.parametrize(
  ('fields', 'withholds'),
  [({}, True), ({'withheld': 0.0}, True), ({'withheld': 0.0, 'withheld_views': 0.0}, False)],
)
def test_why_training_and_validation_differ_is_said_where_they_do(fields, withholds, capsys):
  console.Console(tiny_config(**fields), 0)
  (line,) = capsys.readouterr().err.splitlines()
  assert 'val_seen' in line and ('withhold' in line) == withholds
