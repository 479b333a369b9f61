"""Shepard-Metzler walks: how they are drawn, and the three labels."""

import numpy as np
import pytest

from mese_env import shapes


@pytest.mark.parametrize(
  ('num_parts', 'counts'),
  [(4, (150, 66, 6)), (5, (726, 315, 18)), (6, (3534, 1453, 72)), (7, (16926, 6905, 310))],
)
def test_the_published_numbers_of_labels(num_parts, counts):
  assert shapes.shape_counts(num_parts) == counts


def test_the_cell_sets_are_numbered_as_the_labels_of_walks_are():
  cells, shape = shapes.every_cell_set(5)
  assert cells.shape == (315, 5, 3) and set(shape) == set(range(18))
  rng = np.random.default_rng(0)
  for _ in range(100):
    walk = shapes.sample_walk(5, rng)
    ids = shapes.shape_ids(walk)
    placed = walk - walk.min(axis=0)
    assert sorted(placed.tolist()) == cells[ids.cells_id].tolist()
    assert shape[ids.cells_id] == ids.shape_id


def test_every_walk_of_five_parts_is_drawn_as_often_as_its_free_directions_say():
  num_draws = 15_000
  rng = np.random.default_rng(0)
  drawn = np.zeros(726)
  probability = np.zeros(726)
  for _ in range(num_draws):
    walk = shapes.sample_walk(5, rng)
    label = shapes.shape_ids(walk).walk_id
    drawn[label] += 1
    probability[label] = _probability(walk)
  assert probability.sum() == pytest.approx(1)
  expected = num_draws * probability
  # Chi-squared with 725 degrees of freedom has mean 725 and deviation 38.
  assert np.sum((drawn - expected) ** 2 / expected) == pytest.approx(725, abs=4 * 38)


def test_a_walk_that_traps_itself_is_drawn_again():
  walks = [shapes.sample_walk(60, np.random.default_rng(seed)) for seed in range(40)]
  for walk in walks:
    assert len({tuple(cell) for cell in walk}) == 60
    assert np.all(np.abs(np.diff(walk, axis=0)).sum(axis=1) == 1)


def test_labels_follow_the_cells_and_rotations_but_not_reflections():
  screw = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)])
  turned = screw @ np.array([(0, 1, 0), (-1, 0, 0), (0, 0, 1)])
  mirrored = screw * (1, 1, -1)
  ids = shapes.shape_ids(screw)
  backwards = shapes.shape_ids(screw[::-1])
  assert backwards.walk_id != ids.walk_id
  assert backwards[1:] == ids[1:]
  assert shapes.shape_ids(turned).cells_id != ids.cells_id
  assert shapes.shape_ids(turned).shape_id == ids.shape_id
  assert shapes.shape_ids(mirrored).shape_id != ids.shape_id
  assert shapes.shape_ids(screw + 7) == ids


@pytest.mark.parametrize(('num_parts', 'count'), [(4, 7), (5, 32), (6, 145), (7, 690)])
def test_a_tenth_of_the_cell_sets_is_held_out_and_never_another(num_parts, count):
  held_out = shapes.held_out_cells_ids(num_parts)
  assert len(held_out) == count
  assert max(held_out) < shapes.shape_counts(num_parts).cells_id
  # Written down, because data sets built at different times must agree.
  first = {
    4: [12, 13, 18, 40, 46],
    5: [2, 4, 76, 85, 99],
    6: [3, 8, 32, 33, 55],
    7: [3, 4, 7, 8, 12],
  }
  assert sorted(held_out)[:5] == first[num_parts]


def test_positions_are_centred_with_neighbours_one_pitch_apart():
  positions = shapes.centred_positions(shapes.sample_walk(6, np.random.default_rng(1)))
  np.testing.assert_allclose(positions.mean(axis=0), 0, atol=1e-15)
  steps = np.abs(np.diff(positions, axis=0))
  np.testing.assert_allclose(np.sort(steps, axis=1), [[0, 0, 0.035]] * 5, atol=1e-15)


def test_colours_are_full_value_and_saturated_with_uniform_hue():
  colours = shapes.sample_colours(3000, np.random.default_rng(0))
  np.testing.assert_allclose(colours.max(axis=1), 1)
  lowest = colours.min(axis=1)
  assert 0 <= lowest.min() < 0.01
  assert 0.24 < lowest.max() <= 0.25
  # Uniform hue makes each channel the largest, and each the smallest, a third of the time.
  for extreme in (colours.argmax(axis=1), colours.argmin(axis=1)):
    np.testing.assert_allclose(np.bincount(extreme) / 3000, 1 / 3, atol=0.04)


def _probability(walk: np.ndarray) -> float:
  # A step is one of the six cells around the last one, less those that are taken.
  taken = [np.abs(walk[:i] - walk[i - 1]).sum(axis=1) == 1 for i in range(1, len(walk))]
  return 1 / np.prod([6 - np.sum(beside) for beside in taken])
