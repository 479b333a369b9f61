"""A new evaluation is one file and a word in a list; what takes evaluations knows none by name."""

import json
import pathlib
import sys

import pytest

from experiments import main, modes
from experiments.compare import command as compare
from experiments.compare import figure as compare_figure
from experiments.compare import headlines
from mese_env.errors import UserError
from tests import tiny_run
from tests.experiments import brightness
from tfds_mese import reading


@pytest.fixture
def added(monkeypatch):
  """As if `brightness.py` lay among the modes and stood in their list."""
  monkeypatch.setitem(sys.modules, 'experiments.modes.brightness', brightness)
  monkeypatch.setattr(modes, 'EVALUATIONS', (*modes.EVALUATIONS, 'brightness'))


@pytest.fixture
def run(monkeypatch, tmp_path):
  """The folder of a run of noise, whose dataset is noise."""
  trained, dataset = tiny_run.random_run(), tiny_run.random_dataset()
  monkeypatch.setattr(main, 'load_run', lambda workdir, best: trained)
  monkeypatch.setattr(reading, 'open_dataset', lambda name, data_dir, fields: dataset)
  folder = tmp_path / 'apoe-0'
  folder.mkdir()
  line = {'step': 1, 'split': 'val', 'elbo': 2.0, 'elbo_error': 1.0}
  (folder / 'metrics.jsonl').write_text(json.dumps(line) + '\n')
  return folder


@pytest.mark.usefixtures('added')
def test_the_command_measures_titles_and_writes_it(run, capsys):
  main.main(['main.py', f'--workdir={run}', '--mode=brightness', '--scenes=2'])
  written = json.loads((run / 'brightness.json').read_text())
  assert 0.4 < written['results']['mean'] < 0.6
  assert (written['mode'], written['options']['scenes']) == ('brightness', 2)
  assert written['dataset'] == ['shepard_metzler_5_tiny']
  assert (run / 'brightness.png').stat().st_size > 0
  text = (run / 'brightness.txt').read_text()
  assert text.startswith('brightness: apoe, m2, preset small, step 0, on shepard_metzler_5_tiny;')
  assert text in capsys.readouterr().out
  with pytest.raises(SystemExit):
    main.main(['main.py', '--mode=brightness', '--help'])
  assert brightness.__doc__ in (shown := capsys.readouterr().out)
  assert 'How many, the first ones. (default: 3)' in shown
  with pytest.raises(UserError, match="did you mean 'scenes'"):
    main.main(['main.py', f'--workdir={run}', '--mode=brightness', '--scnes=2'])


@pytest.mark.usefixtures('added')
def test_the_page_shows_it(run):
  main.main(['main.py', f'--workdir={run}', '--mode=report', '--modes=brightness'])
  page = (run / 'report.html').read_text()
  assert '<h2>brightness</h2>' in page and '--mode=brightness --scenes=3' in page
  assert page.count('<img') == 1 and 'Pixels in [0, 1].' in page


@pytest.mark.usefixtures('added')
def test_runs_are_compared_by_it(run):
  asked = ['--configs=apoe', '--seeds=1', '--modes=brightness', f'--workdir={run.parent}']
  comparison = compare.parse(['compare.py', *asked, '--brightness.scenes=2'])
  (of_run,) = comparison.runs
  main.main(['main.py', *of_run.jobs['brightness']])
  assert '--scenes=2' in of_run.jobs['brightness']
  done = {name: [*arguments, ''][: None if name == 'train' else -1]
          for name, arguments in of_run.jobs.items()}  # fmt: skip
  (run / 'compare-done.json').write_text(json.dumps(done))
  (table,) = compare.compare(comparison)
  assert 'brightness: of the images (pixels in [0, 1])' in [row[0] for row in table.rows]
  titles = [axis.get_title() for axis in compare_figure.draw({'apoe': [run]}, ['brightness']).axes]
  assert titles == ['bound, val', 'brightness']


def test_what_is_not_in_the_list_is_none():
  with pytest.raises(UserError, match="no mode 'brightness'"):
    main.parse(['main.py', '--workdir=run', '--mode=brightness'])


def test_runs_are_compared_by_what_has_headlines():
  assert headlines.comparable() == [
    'active', 'classify', 'density', 'generate', 'missing', 'represent', 'shapes'
  ]  # fmt: skip


@pytest.mark.parametrize('path', ['compare', 'compare.py', 'modes/report.py', 'main.py'])
def test_those_that_take_evaluations_know_none_by_name(path):
  folder = pathlib.Path(main.__file__).parent
  files = (folder / path).rglob('*.py') if (folder / path).is_dir() else [folder / path]
  for file in files:
    code = file.read_text().split('"""', 2)[2]
    named = [name for name in modes.EVALUATIONS if f"'{name}'" in code]
    assert not named, file
