"""The largest batch that fits is found with few attempts, each of which takes minutes."""

import pytest

from gmn_jax.planning.compiled import DoesNotFit
from gmn_jax.planning.largest import candidates, largest_that_fits


def test_candidates_are_halfway_and_whole_powers_of_two():
  assert candidates(25) == [1, 2, 3, 4, 6, 8, 12, 16, 24]
  assert candidates(25, multiple=4) == [4, 8, 12, 16, 24]
  assert candidates(3, multiple=4) == candidates(0) == []


@pytest.mark.parametrize('told', [True, False])
@pytest.mark.parametrize('most', [0, 1, 2, 5, 11, 24, 64, 1000])
def test_the_largest_that_fits_is_found(most, told):
  tried = []

  def attempt(size):
    tried.append(size)
    if size > most:
      raise DoesNotFit(*((1000 + 100 * size, 1000 + 100 * most) if told else (None, None)))
    return f'of {size}'

  sizes = candidates(96)
  found = largest_that_fits(sizes, 1000, attempt)
  fitting = [size for size in sizes if size <= most]
  assert found == ((fitting[-1], f'of {fitting[-1]}') if fitting else None)
  assert len(tried) == len(set(tried)) <= (3 if told else 6)


def test_nothing_is_tried_where_nothing_can_fit():
  assert largest_that_fits([], 0, pytest.fail) is None
