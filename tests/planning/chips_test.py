"""Slices are named by chip and shape; what is none becomes a sentence that names the nearest."""

import pytest

from gmn_jax.planning.chips import CHIPS, parse_topology
from mese_env.errors import UserError


@pytest.mark.parametrize('name', CHIPS)
def test_every_slice_of_the_table_is_read_back(name):
  for shape in CHIPS[name].slices:
    topology = parse_topology(f'{name}:{shape}')
    assert str(topology) == f'{name}:{shape}' and topology.chip is CHIPS[name]
  assert parse_topology('v5e:4x8').size == 32
  assert parse_topology('v5p:2x2x2').size == 8


@pytest.mark.parametrize('name', CHIPS)
def test_the_clock_is_that_of_the_peak(name):
  # So many multiply-accumulates a cycle: four or eight units of 128 x 128, or two of 256 x 256.
  units = {'v5e': 4 * 128**2, 'v5p': 8 * 128**2, 'v6e': 4 * 256**2}
  chip = CHIPS[name]
  assert chip.peak_flops_per_s == pytest.approx(2 * units[name] * chip.clock_hz, rel=0.01)


@pytest.mark.parametrize(
  ('text', 'sentence'),
  [
    ('', 'of no known chip, .* use one of v5e, v5p, v6e'),
    ('v9:2x2', "'v9:2x2' is of no known chip, .* v5e"),
    ('v5f:2x2', "did you mean 'v5p'"),
    ('h100:2x2', 'use one of v5e, v5p, v6e'),
    ('v5e', "'v5e' is no slice of v5e; did you mean v5e:1x1"),
    ('v5e:', 'did you mean v5e:1x1'),
    ('v5e:8x4', 'did you mean v5e:4x8, of 1x1, 2x2, 2x4, .*16x16'),
    ('v5e:3x5', 'did you mean v5e:4x4'),
    ('v5e:100x100', 'did you mean v5e:16x16'),
    ('v5e:0x0', 'did you mean v5e:1x1'),
    ('v5e:2x2x1', 'did you mean v5e:2x2,'),
    ('v5e:-2x2', 'did you mean v5e:2x2,'),
    ('v5p:2x2', 'did you mean v5p:2x2x1'),
    ('V6E:2x2', 'did you mean v6e:2x2'),
    ('v5e-64', 'did you mean v5e:8x8'),
    ('v5litepod-8', 'did you mean v5e:2x4'),
  ],
)
def test_what_is_no_slice_is_refused_with_the_nearest(text, sentence):
  with pytest.raises(UserError, match=sentence):
    parse_topology(text)
