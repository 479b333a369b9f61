"""Intervals and p-values, where they are known in closed form."""

import math

import numpy as np
import pytest

from experiments.evaluation import statistics


def values_of(count: int, mean: float, error: float) -> np.ndarray:
  """Numbers of this mean and standard error."""
  values = np.linspace(-1, 1, count)
  return mean + values / values.std(ddof=1) * error * math.sqrt(count)


@pytest.mark.parametrize(
  ('count', 'errors'),
  [
    # Of one degree Student's distribution is Cauchy's, whose quantile is tan(pi (p - 1/2)).
    (2, math.tan(math.pi * 0.475)),
    # Of two, its quantile is (2 p - 1) sqrt(2 / (4 p (1 - p))).
    (3, 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))),
    (5, 2.776445),
    (10_000, 1.9602),
  ],
)
def test_an_interval_has_so_many_standard_errors_as_its_degrees_of_freedom_ask(count, errors):
  found = statistics.mean_interval(values_of(count, mean=3.0, error=0.5))
  assert found.degrees == count - 1
  assert found.mean == pytest.approx(3) and found.error == pytest.approx(0.5)
  assert found.high - 3 == pytest.approx(3 - found.low) == pytest.approx(0.5 * errors, rel=1e-4)


@pytest.mark.parametrize('count', [2, 3, 6])
def test_a_p_value_is_below_5_percent_where_the_interval_leaves_out_zero(count):
  edge = statistics.mean_interval(values_of(count, 0.0, 1.0)).high
  for mean, below in ((1.001 * edge, True), (0.999 * edge, False), (-1.001 * edge, True)):
    found = statistics.mean_interval(values_of(count, mean, 1.0))
    assert (found.p < 0.05) == below == (found.low * found.high > 0)
  # Two degrees, in closed form.
  if count == 3:
    p = statistics.mean_interval(values_of(3, 2.0, 1.0)).p
    assert p == pytest.approx(1 - 2 / math.sqrt(2 + 2**2))


def test_numbers_that_are_all_alike_leave_no_doubt_and_one_number_leaves_all():
  assert statistics.mean_interval([0.0, 0.0]).p == 1
  assert statistics.mean_interval([2.0, 2.0]) == (2, 0, 2, 2, 1, 0)
  assert statistics.mean_interval([2.0]) is None


def test_holm_multiplies_each_by_how_many_are_left():
  assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
  assert statistics.holm([0.5, 0.9, 0.4]) == [1, 1, 1]
  assert statistics.holm([0.03]) == [0.03]
  assert statistics.holm([]) == []


@pytest.mark.parametrize(('share', 'count'), [(0.0, 10), (0.3, 10), (0.8, 60), (1.0, 60)])
def test_the_edges_of_a_shares_interval_are_just_not_rejected(share, count):
  low, high = statistics.share_interval(share, count)
  # Where none or all were counted, the interval ends there.
  for edge in [edge for edge in (low, high) if abs(edge - share) > 1e-12]:
    # The score test rejects a true share further away than 1.96 of its own standard deviations.
    away = abs(share - edge) / math.sqrt(edge * (1 - edge) / count)
    assert away == pytest.approx(1.959964, rel=1e-6)
  assert 0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1 and low < high


def test_intervals_hold_the_true_mean_in_their_share_of_experiments():
  rng = np.random.default_rng(0)
  trials = 2_000
  held = 0
  for _ in range(trials):
    found = statistics.mean_interval(rng.standard_normal(3) + 1)
    held += found.low <= 1 <= found.high
  share = held / trials
  assert abs(share - statistics.LEVEL) < 4 * math.sqrt(0.95 * 0.05 / trials)
