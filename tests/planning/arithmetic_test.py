"""Memory, time and money in closed form."""

import pytest

from gmn_jax.planning.arithmetic import Memory, schedule, steps_of_as_many_scenes


def test_memory_is_the_sum_of_its_parts():
  assert Memory(arguments=1, outputs=20, temporaries=300, code=4000).total == 4321


def test_hours_and_cost_follow_from_the_step():
  # 36,000 steps of half a second are five hours; 16 chips at 1.5 an hour are 24 an hour.
  whole = schedule(0.5, batch_size=64, steps=36_000, chips=16, price=1.5)
  assert whole == pytest.approx((128.0, 5.0, 120.0))
  assert schedule(0.5, 64, 36_000, 16, None).cost is None


@pytest.mark.parametrize(('batch', 'steps'), [(12, 100), (24, 50), (7, 172), (1200, 1), (5000, 1)])
def test_a_larger_batch_needs_fewer_steps_for_as_many_scenes(batch, steps):
  assert steps_of_as_many_scenes(100, 12, batch) == steps
