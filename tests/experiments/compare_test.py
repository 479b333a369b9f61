"""Comparing configs: nothing is done twice, nothing is mixed up, errors are over seeds."""

import json
import math
import pathlib
import types

import pytest

from experiments.compare import beside, differences, headlines, runs
from experiments.compare import command as compare
from experiments.compare import figure as compare_figure
from mese_env.errors import UserError

STEPS = ['--steps=5', '--configs=apoe,baseline', '--seeds=2', '--modes=generate']


def parse(*arguments: str) -> compare.Comparison:
  return compare.parse(['compare.py', *arguments])


@pytest.fixture
def started():
  """Arguments of the processes of main.py that were started; each leaves behind what it would, the
  bound of a training of `steps` steps being 100 steps + 10 seed (+ 1000 + 20 seed for the
  baseline), and the last one fails if its index is in `fails`.
  """
  done = types.SimpleNamespace(arguments=[], fails=set())

  def start(command):
    arguments = command[2:]
    done.arguments.append(arguments)
    code = 130 if len(done.arguments) - 1 in done.fails else 0
    options = dict(argument.lstrip('-').split('=', 1) for argument in arguments)
    folder = pathlib.Path(options['workdir'])
    if code == 0 and 'mode' not in options:
      elbo = 100 * int(options['config.steps']) + 10 * int(options['config.seed'])
      if 'baseline.py' in options['config']:
        elbo += 1000 + 20 * int(options['config.seed'])
      folder.mkdir(parents=True, exist_ok=True)
      line = {'step': 5, 'split': 'val', 'elbo': elbo, 'elbo_error': 1.0}
      (folder / 'metrics.jsonl').write_text(json.dumps(line) + '\n')
    elif code == 0:
      found = {'squared_error': {'the context': {'image': [0.5, 0.1]}}}
      (folder / 'generate.json').write_text(json.dumps({'results': found}))
    return code

  done.start = start
  return done


def test_what_was_stopped_goes_on_and_what_was_done_is_not_done_again(tmp_path, started):
  comparison = parse(*STEPS, f'--workdir={tmp_path}', '--generate.scenes=3', '--config.width=4')
  assert [(run.config, run.seed) for run in comparison.runs] == [
    ('apoe', 0), ('baseline', 0), ('apoe', 1), ('baseline', 1),
  ]  # fmt: skip
  first = comparison.runs[0]
  started.fails = {1}
  assert runs.carry_out(first, started.start) == 130
  assert [runs.carry_out(run, started.start) for run in comparison.runs] == [0] * 4
  train, evaluation = first.jobs['train'], first.jobs['generate']
  assert '--config.width=4' in train and '--scenes=3' in evaluation
  assert started.arguments[:3] == [list(train), list(evaluation), list(evaluation)]
  assert len(started.arguments) == 3 + 3 * 2
  assert [runs.carry_out(run, started.start) for run in comparison.runs] == [0] * 4
  assert len(started.arguments) == 9
  # Put otherwise, and with more written of it, it is the same training.
  same = ['--config.log_every=2', '--config.width=4', '--generate.scenes=3', *STEPS]
  again = parse(*same, f'--workdir={tmp_path}')
  assert [runs.carry_out(run, started.start) for run in again.runs] == [0] * 4
  assert len(started.arguments) == 9
  compare.compare(again)
  commands = json.loads((tmp_path / 'compare.json').read_text())['commands']
  assert commands['apoe-0'] == {'train': list(train), 'generate': list(evaluation)}
  # A longer training: what was measured before is out of date.
  longer = parse('--steps=6', *same[:3], *STEPS[1:], f'--workdir={tmp_path}')
  assert runs.carry_out(longer.runs[0], started.start) == 0
  assert len(started.arguments) == 11


def test_a_default_that_has_changed_makes_another_run(tmp_path, started, monkeypatch):
  original = compare._CONFIGS / 'apoe.py'
  monkeypatch.setattr(compare, '_CONFIGS', tmp_path / 'configs')
  (tmp_path / 'configs').mkdir()
  file = tmp_path / 'configs' / 'apoe.py'
  arguments = ['--configs=apoe', '--seeds=1', '--modes=generate', f'--workdir={tmp_path}/runs']
  arguments.append('--steps=5')
  for default, processes in (('1.0', 2), ('1.0', 2), ('0.25', 4)):
    # Python takes a file of the same second and length for the same one.
    changed = f"variant='apoe', beta={default}"
    file.write_text(original.read_text().replace("variant='apoe'", changed))
    assert runs.carry_out(parse(*arguments).runs[0], started.start) == 0
    assert len(started.arguments) == processes


def test_the_table_has_means_and_standard_errors_over_seeds(tmp_path, started):
  comparison = parse(*STEPS, f'--workdir={tmp_path}')
  for run in comparison.runs:
    assert runs.carry_out(run, started.start) == 0
  table, above = compare.compare(comparison)
  written = json.loads((tmp_path / 'compare.json').read_text())
  found = written['results']
  bound = found['val bound (nats per episode)']
  # 500 and 510: the sample standard deviation is 5 sqrt 2, of the mean 5.
  assert bound['apoe'] == {'mean': 505, 'error': pytest.approx(5), 'seeds': [500, 510]}
  assert bound['baseline']['mean'] == 1515
  # Of means, the difference's error is 5 sqrt 10.
  assert table.columns == ['', 'apoe', 'baseline', 'baseline - apoe']
  assert table.rows[0] == [
    'val bound (nats per episode)',
    '505.0 ± 5.0',
    '1515 ± 15',
    '1010 ± 16',
  ]
  # Paired: 1000 and 1020, of one degree of freedom, so that the interval is of 12.7 errors; p is
  # Cauchy's, times the four rows.
  name, config, *cells = above.rows[0]
  assert (name, config) == ('val bound (nats per episode)', 'baseline')
  p = 4 * 2 / math.pi * math.atan(10 / 1010)
  assert cells == ['1010', '883 to 1137', f'{p:.3f}', '', '']
  first = written['differences'][0]
  assert first['over_seeds']['degrees'] == 1 and first['p_over_seeds'] == pytest.approx(p)
  assert 'over_scenes' not in first
  assert found['generate: image from the context (squared error)']['apoe']['error'] == 0
  assert (tmp_path / 'compare.txt').read_text() == f'{table}\n\n{above}\n'
  assert (tmp_path / 'compare.png').exists()


def test_what_runs_of_an_older_version_did_not_measure_is_left_out(tmp_path, started):
  comparison = parse(*STEPS, f'--workdir={tmp_path}')
  for run in comparison.runs:
    assert runs.carry_out(run, started.start) == 0
  with (tmp_path / 'apoe-0' / 'metrics.jsonl').open('a') as lines:
    lines.write(json.dumps({'step': 5, 'split': 'val_seen', 'elbo': 1.0, 'elbo_error': 1.0}) + '\n')
  table, *_ = compare.compare(comparison)
  assert table.rows[0][0] == 'val bound (nats per episode)'
  assert not [row for row in table.rows if 'val_seen' in row[0]]


def test_headlines_tell_a_fallen_bound_and_what_grasps_alone_add(tmp_path):
  lines = [
    {'step': 1, 'split': 'train', 'elbo': 1.0, 'scenes_per_second': 8.0},
    *({'step': s, 'split': 'val', 'elbo': e} for s, e in ((1, 10.0), (2, 30.0), (3, 25.0))),
  ]
  (tmp_path / 'metrics.jsonl').write_text('\n'.join(map(json.dumps, lines)))
  gains = {('gray', 5): 0.3, ('rgb', 5): 0.1, ('haptic', 5): 0.7}
  records = [
    {
      'target': target,
      'images': images,
      'grasps': grasps,
      'log_likelihood': 1.0 + gains.get((target, grasps), 0),
      'gain': gains.get((target, grasps), 0),
    }
    for target in ('gray', 'rgb', 'haptic')
    for images in (0, 1, 5)
    for grasps in (0, 1, 5)
  ]
  (tmp_path / 'density.json').write_text(json.dumps({'results': {'density': records}}))
  found = headlines.of_run(tmp_path, ['density'])
  assert found['val bound, fallen since its best (nats per episode)'] == 5
  assert found['val bound, where it was best (step)'] == 2
  assert found['training (scenes per second)'] == 8
  assert found['density: gain of gray from 5 grasps (nats per dimension)'] == 0.3
  less = 'density: gain of gray less that of rgb from 5 grasps (nats per dimension)'
  assert found[less] == pytest.approx(0.2)
  densities = {name for name in found if name.startswith('density: rgb given')}
  # One sense alone, none, and all of both.
  assert len(densities) == 6
  drawn = {a.get_title(): a for a in compare_figure.draw({'x': [tmp_path]}, ['density']).axes}
  for title, xs, ys in (
    ('bound, val', [1, 2, 3], [10, 30, 25]),
    ('rgb from grasps alone', [0, 1, 5], [1, 1, 1.1]),
    ('gray from grasps alone', [0, 1, 5], [1, 1, 1.3]),
    ('haptic from images alone', [0, 1, 5], [1, 1, 1]),
  ):
    line = drawn[title].lines[0]
    assert list(line.get_xdata()) == xs and list(line.get_ydata()) == pytest.approx(ys)


def test_differences_are_paired_by_scene_where_all_runs_kept_the_same_scenes(tmp_path):
  scenes = {'apoe': [[1.0, 2.0, 6.0], [3.0, 2.0, 6.0]], 'poe': [[3.0, 4.0, 7.0], [3.0, 4.0, 9.0]]}
  folders = {}
  for config, of_seeds in scenes.items():
    for seed, values in enumerate(of_seeds):
      folder = tmp_path / f'{config}-{seed}'
      folder.mkdir()
      folders.setdefault(config, []).append(folder)
      record = {
        'target': 'rgb', 'images': 0, 'log_likelihood': sum(values) / 3, 'by_scene': values
      }  # fmt: skip
      written = {'options': {'scenes': 3}, 'results': {'density': [record]}}
      (folder / 'density.json').write_text(json.dumps(written))
  name = 'density: rgb given 0 images (nats per dimension)'
  summary = {name: {c: {'seeds': [sum(v) / 3 for v in of]} for c, of in scenes.items()}}
  (found,) = differences.differences(summary, folders, ['density'])
  assert (found.headline, found.config) == (name, 'poe')
  # The seeds' means differ by 1, 2, 2 on the three scenes, and by 5/3 on both seeds.
  over = found.over_scenes
  assert over.mean == pytest.approx(found.mean) == pytest.approx(5 / 3)
  assert (over.degrees, found.over_seeds.degrees) == (2, 1)
  assert over.high - over.mean == pytest.approx(4.302653 / 3)
  # Of another number of scenes, or as earlier versions wrote it, nothing is paired.
  other = json.loads((folders['poe'][0] / 'density.json').read_text())
  del other['results']['density'][0]['by_scene']
  (folders['poe'][0] / 'density.json').write_text(json.dumps(other))
  (found,) = differences.differences(summary, folders, ['density'])
  assert found.over_scenes is None and found.p_over_seeds is not None
  other['options']['scenes'] = 4
  (folders['poe'][0] / 'density.json').write_text(json.dumps(other))
  (found,) = differences.differences(summary, folders, ['density'])
  assert found.over_scenes is None


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    (['--configs=apoe,bseline'], "no config 'bseline'; did you mean 'baseline'"),
    (['--modes=desnity'], "no mode to compare by 'desnity'; did you mean 'density'"),
    (['--seeds=0'], '--seeds is 0; it must be at least 1'),
    (['--preset=huge'], "no preset 'huge'"),
    (['--modalities=m3'], "modality set 'm3'"),
    (['--config.stepz=3'], "field 'stepz'; did you mean 'steps'"),
    (['--config.seed=3'], "'--config.seed=3' is set for every run by --seeds"),
    (['--generate.scnes=3'], "did you mean 'scenes'"),
    (['--classify.draws=3'], 'classify is not among --modes'),
    (['--steps=-1'], 'steps is -1'),
    (['apoe'], "'apoe' is not understood"),
  ],
)
def test_every_command_line_is_read_before_anything_starts(arguments, sentence, tmp_path, started):
  with pytest.raises(UserError, match=sentence) as error:
    parse(*arguments, f'--workdir={tmp_path / "new"}')
  assert '\n' not in str(error.value)
  assert not started.arguments and not list(tmp_path.iterdir())


def finished(folder: pathlib.Path, config: str, errors: dict[int, list[float]]) -> pathlib.Path:
  """A comparison of one config; by seed the squared errors of two scenes given nothing."""
  for seed, (one, two) in errors.items():
    run = folder / f'{config}-{seed}'
    run.mkdir(parents=True)
    done = {'train': ['--config=x', '{}'], 'generate': ['--mode=generate']}
    (run / 'compare-done.json').write_text(json.dumps(done))
    (run / 'metrics.jsonl').write_text(json.dumps({'step': 1, 'split': 'val', 'elbo': 7.0}) + '\n')
    found = {
      'squared_error': {},
      'by_scene': {'images': {'1': {'image': [one, two]}}},
    }
    (run / 'generate.json').write_text(json.dumps({'options': {'scenes': 2}, 'results': found}))
  return folder


def test_runs_of_several_comparisons_are_put_beside_each_other(tmp_path):
  one = finished(tmp_path / 'plain', 'apoe', {0: [2.0, 4.0], 1: [9.0, 9.0]})
  other = finished(tmp_path / 'informed', 'apoe', {0: [3.0, 6.0]})
  comparison = beside.gather([one, other], tmp_path)
  assert [(run.config, run.seed) for run in comparison.runs] == [('plain', 0), ('informed', 0)]
  table, above = compare.compare(comparison)
  assert table.columns == ['', 'plain', 'informed', 'informed - plain']
  name = 'generate: image from images: 1 view (squared error)'
  assert [name, '3', '4.5', '1.5'] in table.rows
  # Of differences 1 and 2, whose interval is of 12.7 errors of .5.
  (row,) = [row for row in above.rows if row[0] == name]
  assert row[:4] == [name, 'informed', '1.5', ''] and row[5] == '-4.85 to 7.85'


def test_folders_that_cannot_be_put_beside_each_other_are_refused(tmp_path):
  first = finished(tmp_path / 'first', 'apoe', {0: [1.0, 1.0]})
  second = finished(tmp_path / 'second', 'apoe', {1: [1.0, 1.0]})
  both = finished(finished(tmp_path / 'both', 'apoe', {0: [1.0, 1.0]}), 'poe', {0: [1.0, 1.0]})
  for folders, sentence in (
    ([first, tmp_path], 'has no finished run'),
    ([first, second], 'no seed was trained in each of'),
    ([first, both], 'both has runs of apoe, poe'),
  ):
    with pytest.raises(UserError, match=sentence) as error:
      beside.gather(folders, tmp_path / 'to')
    assert '\n' not in str(error.value)
