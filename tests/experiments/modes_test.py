"""What all evaluations share: options as flags, results written whole, blocks that continue."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from experiments import main, modes
from experiments.evaluation import blocks, options, results
from experiments.evaluation.declared import declared
from experiments.figures import style as figures
from mese_env.command_line import Parser
from mese_env.errors import UserError
from tests import tiny_run


@dataclasses.dataclass(frozen=True)
class Fields:
  """One of each type."""

  # How many.
  number: int = 3
  share: float = 0.5
  name: str = 'test'
  sizes: tuple[int, ...] = (0, 1)
  words: tuple[str, ...] = ('a', 'b')
  build: bool = False

  def __post_init__(self):
    if self.number < 1:
      raise UserError('--number is below 1.')


@dataclasses.dataclass(frozen=True)
class Optional:
  """A record of which a part may be missing."""

  a: int
  b: float | None = None


def read(*arguments):
  parser = Parser('main.py', '', '')
  parser.option('build', bool, True)
  fields = declared(__name__, 'Fields').fields
  options.define(fields, parser, 'of fields', shared=['build'])
  return options.read(Fields, parser.read(arguments))


def test_fields_are_flags_of_their_type():
  assert read() == Fields(build=True)  # A flag that the command has is read, not defined again.
  given = read('--number=7', '--share=0.1', '--sizes=5,0', '--words=x', '--name=val', '--nobuild')
  assert given == Fields(7, 0.1, 'val', (5, 0), ('x',))
  with pytest.raises(UserError, match=r'--sizes=1,b is not a list .* --sizes=0,1'):
    read('--sizes=1,b')
  with pytest.raises(UserError, match='below 1'):
    read('--number=0')


@pytest.mark.parametrize('name', modes.names())
def test_every_mode_has_options_that_the_command_line_takes(name):
  command = main.parse(['main.py', '--workdir=run', f'--mode={name}', '--best'])
  mode = modes.load(name)
  assert mode.name == name
  defaults = mode.options()
  # An option that is a flag of every mode says the same.
  given = {'best': True} if hasattr(defaults, 'best') else {}
  assert command.options == dataclasses.replace(defaults, **given)
  assert command.best
  # To read a module's text is as good as to load it.
  read = declared(modes.module(name))
  assert read.doc == mode.doc.strip()
  assert [(field.name, field.kind, field.default) for field in read.fields] == [
    (field.name, field.type, field.default) for field in dataclasses.fields(mode.options)
  ]
  assert all(field.about for field in read.fields)


def test_the_runs_own_scenes_are_taken_but_where_others_are_named():
  run, evaluations = tiny_run.random_run(), map(modes.load, modes.EVALUATIONS)
  taken = {mode.name: list(mode.datasets(run, mode.options())) for mode in evaluations}
  own = ['shepard_metzler_5_tiny']
  assert taken == {
    'density': own, 'classify': ['shepard_metzler_4', 'shepard_metzler_6'], 'generate': own,
    'missing': own, 'cost': [], 'represent': own, 'active': own,
    'shapes': own,
  }  # fmt: skip
  represent = modes.load('represent')
  others = represent.options(datasets=('shepard_metzler_4',))
  assert list(represent.datasets(run, others)) == ['shepard_metzler_4']


def make_results(numbers, number=3, mode='trial'):
  run, table = tiny_run.random_run(), results.Table('things', ['a', 'b'], [['x', '1.0']])
  return results.Results(
    mode, run, Fields(number), ['tiny'], numbers, [table], ['A note.'], seconds=1.5
  )


def test_results_say_what_decided_them(tmp_path, capsys):
  results.write(make_results({'x': np.float32(0.5), 'y': np.arange(2)}), {}, tmp_path)
  written = json.loads((tmp_path / 'trial.json').read_text())
  assert written['results'] == {'x': 0.5, 'y': [0, 1]}
  assert written['options']['number'] == 3
  assert written['config']['variant'] == 'apoe'
  assert {'jax', 'flax', 'python', 'gmn-jax', 'device'} <= written['versions'].keys()
  assert (written['step'], written['dataset'], written['notes']) == (0, ['tiny'], ['A note.'])
  text = (tmp_path / 'trial.txt').read_text()
  assert 'A note.' in text and 'things' in text
  assert text in capsys.readouterr().out


def test_a_dataclass_is_written_by_its_fields_and_without_those_that_are_none(tmp_path):
  results.write(make_results({'x': [Optional(1), Optional(2, np.float32(0.5))]}), {}, tmp_path)
  written = json.loads((tmp_path / 'trial.json').read_text())
  assert written['results'] == {'x': [{'a': 1}, {'a': 2, 'b': 0.5}]}


def test_results_of_other_options_are_kept_and_of_the_same_replaced(tmp_path, capsys):
  for number, value in ((3, 1), (3, 2), (4, 3)):
    results.write(make_results({'value': value}, number), {}, tmp_path)
  assert json.loads((tmp_path / 'trial.json').read_text())['results'] == {'value': 3}
  former = tmp_path / 'former' / 'trial-1'
  assert json.loads((former / 'trial.json').read_text())['results'] == {'value': 2}
  assert (former / 'trial.txt').exists()
  assert [path.name for path in (tmp_path / 'former').iterdir()] == ['trial-1']
  assert str(former) in capsys.readouterr().out


def test_numbers_that_are_none_leave_no_file(tmp_path):
  with pytest.raises(ValueError, match='JSON'):
    results.write(make_results({'x': float('nan')}), {}, tmp_path)
  with pytest.raises(RuntimeError), results.replacing(tmp_path / 'file') as path:
    path.write_text('half')
    raise RuntimeError
  assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match='cannot write .*another --workdir'):
    results.write(make_results({}), {}, tmp_path / 'file')


def test_blocks_continue_where_they_stopped_and_damaged_ones_are_computed_again(tmp_path):
  computed = []

  def compute(number):
    computed.append(number)
    if computed == [0, 1, 2]:
      raise KeyboardInterrupt
    return {'x': np.full((2, 3), number), 'y': np.array([number / 2])}

  folder = tmp_path / 'cache'
  with pytest.raises(KeyboardInterrupt):
    blocks.in_blocks(folder, 4, compute)
  (folder / '1.npz').write_bytes((folder / '1.npz').read_bytes()[:50])
  found = blocks.in_blocks(folder, 4, compute)
  assert computed == [0, 1, 2, 1, 2, 3]
  np.testing.assert_array_equal(found['x'], np.repeat([0, 1, 2, 3], 2)[:, None] * np.ones(3))
  np.testing.assert_array_equal(found['y'], [0, 0.5, 1, 1.5])
  blocks.forget(folder)
  assert not folder.exists()


def test_whatever_decides_the_numbers_decides_where_blocks_are_kept():
  run, dataset, fields = tiny_run.random_run(), tiny_run.random_dataset(), Fields()
  params = dict(run.params)
  name = next(iter(params))
  other_params = {**params, name: jax.tree.map(lambda x: x + 1e-3, params[name])}
  same = blocks.fingerprint(tiny_run.random_run(), [dataset], Fields())
  assert blocks.fingerprint(run, [dataset], fields) == same
  others = [
    (run._replace(params=other_params), [dataset], fields),
    (tiny_run.random_run(std=0.3), [dataset], fields),
    (run, [dataclasses.replace(dataset, metadata={'seed': 1})], fields),
    (run, [dataset, dataset], fields),
    (run, [dataset], Fields(4)),
  ]
  words = {same, *(blocks.fingerprint(*other) for other in others)}
  assert len(words) == 1 + len(others)


def test_levels_far_away_are_told_by_their_number_and_legends_cover_no_panel():
  figure, axes = figures.panels(2, 2)
  for axis in axes.flat:
    figures.line(axis, [0, 1], np.array([0.0, 1.0]), np.zeros(2), 0, 'line')
    levels = figures.levels(axis, {'near': (1.5, '--'), 'far': (40.0, ':')})
    assert [level.get_label() for level in levels] == ['near: 1.5', 'far: 40 (not shown)']
    low, high = axis.get_ylim()
    assert low < 0 and 1.5 < high < 2.5
    figures.describe(axis, 'panel', 'views', 'nats')
    figures.legend_below(axis)
  figure.draw_without_rendering()
  extents = [axis.get_window_extent() for axis in axes.flat]
  for axis in axes.flat:
    legend = axis.get_legend().get_window_extent()
    assert not any(legend.overlaps(extent) for extent in extents)
    assert legend.y1 < axis.xaxis.get_tightbbox().y0
