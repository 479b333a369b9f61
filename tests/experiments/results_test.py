"""What docs/results tabulates is what its runs found, each of them by one command."""

import json
import pathlib
import shutil

import pytest

from experiments.compare import command as compare

_RESULTS = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'results'
_TABULATED = sorted(path.parent.name for path in _RESULTS.glob('*/compare.json'))


@pytest.mark.parametrize('name', _TABULATED)
def test_the_table_follows_from_the_runs_that_are_kept(name, tmp_path):
  folder = tmp_path / name
  shutil.copytree(_RESULTS / name, folder)
  tabulated = json.loads((folder / 'compare.json').read_text())
  runs = []
  for run, jobs in tabulated['commands'].items():
    config, seed = run.rsplit('-', 1)
    done = json.loads((folder / run / 'compare-done.json').read_text())
    # A training's entry ends with its config.
    assert {mode: done[mode][: len(jobs[mode])] for mode in jobs} == jobs
    runs.append(compare.Run(config, int(seed), folder / run, jobs, ''))
  table = compare.compare(compare.Comparison(folder, tuple(runs)))
  assert f'{table}\n' == (_RESULTS / name / 'compare.txt').read_text()
  found = json.loads((folder / 'compare.json').read_text())
  assert found['results'] == tabulated['results']
