"""The rates of a run are of what it did, and of nothing that was guessed about the machine."""

import types

from gmn_jax.training import metrics
from gmn_jax.training.metrics import Throughput


def test_rates_are_of_the_time_since_the_last_reading(monkeypatch):
  clock = types.SimpleNamespace(now=100.0)
  monkeypatch.setattr(metrics, 'time', types.SimpleNamespace(monotonic=lambda: clock.now))
  throughput = Throughput(scene_flops=2e9)
  throughput.add(6, waited=0.5)
  throughput.add(4, waited=0.5)
  clock.now += 4
  expected = {'scenes_per_second': 2.5, 'gflop_per_second': 5.0, 'input_wait': 0.25}
  assert throughput.read() == expected
  throughput.add(1, waited=0.0)
  clock.now += 1
  assert throughput.read()['gflop_per_second'] == 2.0
