"""What a step costs: measured in processes of their own, kept, set beside the paper's figures."""

import json
import pathlib
import subprocess
import types

import pytest

from experiments.modes import cost
from mese_env.errors import UserError
from tests import tiny_run


@pytest.mark.long
def test_a_step_is_measured_in_the_sizes_of_the_run(tmp_path, monkeypatch):
  monkeypatch.setenv('JAX_DISABLE_MOST_OPTIMIZATIONS', 'true')
  run = tiny_run.random_run(draw_steps=1, optimizer='adam', pooling='anchored')
  options = cost.Options(variants=('poe',), modalities=('m2',), batch=1, steps=1, busy=True)
  cost.MODE.evaluate(run, {}, tmp_path, options)
  written = json.loads((tmp_path / 'cost.json').read_text())
  (measured,) = written['results']['measured']
  assert (measured['variant'], measured['modalities'], measured['M']) == ('poe', 'm2', 2)
  assert measured['model'] == 'poe anchored m2 small, batch 1'
  # Of a width of 2, where the preset's is 16; PoE's two experts have parameters of their own.
  assert 10_000 < measured['parameters'] < 100_000
  for name in ('median_ms', 'peak_bytes', 'flops', 'share_of_peak'):
    assert measured[name] > 0
  assert measured['measured_beside_other_work']
  text = (tmp_path / 'cost.txt').read_text()
  assert (
    'Width 2, 1 draw step, images of 8 pixels, 1 scene a step, anchored, adam' in text
    and 'beside other work' in text
  )
  assert (tmp_path / 'cost.png').stat().st_size > 0
  assert not list((tmp_path / 'cache').iterdir())


@pytest.fixture
def bench(monkeypatch):
  """Commands that were run, by a fake that takes 10 ms per modality, and half of it with APoE."""
  commands = []

  def run(command, **options):
    commands.append(command)
    if len(commands) == 3:
      busy = 'error: the machine is busy; wait until it is idle.\n'
      return subprocess.CompletedProcess(command, 2, '', busy)
    given = dict(part.split('=', 1) for part in command if '=' in part)
    count = int(given.get('--config.modalities', 'm2')[1:])
    ms = 10 * count / (2 if '--config.variant' not in given else 1)
    measured = {
      'machine': 'a fake', 'median_ms': ms, 'min_ms': ms - 1, 'max_ms': ms + 2,
      'scenes_per_s': 1.0, 'compile_s': 1.0, 'peak_bytes': 2**30, 'parameters': 1_234_000,
      'model': 'a fake', 'batch': 1, 'dtype': 'float32', 'flops': 1e12, 'flops_xla': 1e12,
      'direct_flops': 1e12, 'padding_flops': 1e11,
      'flops_per_s': 1e12, 'peak_flops_per_s': 2e12, 'share_of_peak': 0.5,
      'measured_beside_other_work': False,
    }  # fmt: skip
    pathlib.Path(given['--json']).write_text(json.dumps(measured))
    return subprocess.CompletedProcess(command, 0, '', '')

  monkeypatch.setattr(cost, 'subprocess', types.SimpleNamespace(run=run))
  return commands


def test_a_busy_machine_ends_it_in_its_sentence_and_the_same_command_goes_on(tmp_path, bench):
  run, options = tiny_run.random_run(), cost.Options(modalities=('m2', 'm5'))
  with pytest.raises(UserError, match='^the machine is busy; wait until it is idle.$'):
    cost.MODE.evaluate(run, {}, tmp_path, options)
  assert len(bench) == 3 and not (tmp_path / 'cost.json').exists()
  found = cost.MODE.evaluate(run, {}, tmp_path, options)
  assert len(bench) == 3 + 4  # The first two of six are not measured again.
  assert bench[2][:-1] == bench[3][:-1]
  assert '--busy' not in bench[0] and '--config.width=2' in bench[0]
  ours, papers = ([row[:5] for row in table.rows] for table in found.tables)
  assert ours[1] == ['2', 'PoE', '1.23', '20 (19 to 22)', '1.00']
  assert ours[5] == ['5', 'APoE', '1.23', '25 (24 to 27)', '0.50']
  assert papers == [
    ['5', 'PoE', '53', '790', '1.00'], ['5', 'APoE', '29', '679', '0.86'],
    ['14', 'PoE', '131', '2,059', '1.00'], ['14', 'APoE', '51', '1,189', '0.58'],
  ]  # fmt: skip


@pytest.mark.parametrize(
  ('fields', 'sentence'),
  [
    ({'modalities': ('m2', 'm3')}, "modality set 'm3'"),
    ({'variants': ('apo',)}, "variant is 'apo'; .* 'apoe'"),
    ({'variants': ()}, "--variants is ''"),
    ({'preset': 'ful'}, "no preset 'ful'"),
    ({'steps': 0}, '--steps is 0; it must be at least 1'),
  ],
)
def test_what_cannot_be_measured_is_named_before_anything_is(tmp_path, bench, fields, sentence):
  with pytest.raises(UserError, match=sentence):
    cost.MODE.evaluate(tiny_run.random_run(), {}, tmp_path, cost.Options(**fields))
  assert not bench and not list(tmp_path.iterdir())
