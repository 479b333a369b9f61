"""The page about a run holds all it shows, and computes nothing twice."""

import base64
import dataclasses
import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments import modes
from experiments.evaluation import results
from experiments.evaluation.contract import Evaluation
from experiments.modes import report
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError
from tests import tiny_run
from tfds_mese.dataset import Dataset


@dataclasses.dataclass(frozen=True)
class FakeOptions:
  samples: int = 3
  seed: int = 7
  build: bool = False


@pytest.fixture
def evaluated(monkeypatch):
  """Which modes were evaluated, by fakes of them."""
  done = []

  def load(name):
    def measure(setting):
      done.append(name)
      if name == 'classify':
        raise UserError('the dataset <4 parts> is missing.')
      return {'a': np.ones(2)}

    return Evaluation(
      name=name,
      doc='',
      options=FakeOptions,
      measure=measure,
      tables=lambda found, setting: [results.Table('T', ['<a>'], [['1']])],
      notes=lambda found, setting: [],
      figures=lambda found, setting, title: {'': Figure((1, 1)), 'more': Figure((1, 2))},
      datasets=lambda run, options: [],
    )

  monkeypatch.setattr(modes, 'load', load)
  return done


def test_the_page_needs_no_other_file_and_computes_only_what_is_missing(tmp_path, evaluated):
  run = Run(tiny_run.tiny_config(seed=5), None, None, None, 40)
  options = report.Options(modes=('density', 'classify', 'generate'), build=True)
  page = report.MODE.carry_out(run, tmp_path, options, build=True).read_text()
  assert evaluated == ['density', 'classify', 'generate']
  for mode in ('density', 'generate'):
    for name in (f'{mode}.png', f'{mode}-more.png'):
      assert base64.b64encode((tmp_path / name).read_bytes()).decode() in page
    assert f'--mode={mode} --samples=3 --seed=7 --build=True' in page
  assert page.count('<img') == page.count('src="data:image/png;base64,') == 4
  assert 'the dataset &lt;4 parts&gt; is missing.' in page
  assert '&lt;a&gt;' in page and '<a>' not in page
  assert '<td>run</td><td>5</td>' in page and '<td>jax</td>' in page and '<td>width</td>' in page
  report.MODE.carry_out(run, tmp_path, options, build=True)
  assert evaluated[3:] == ['classify']
  moved = run._replace(config=tiny_run.tiny_config(seed=5, data_dir='elsewhere'))
  report.MODE.carry_out(moved, tmp_path, options, build=True)
  assert evaluated[4:] == ['classify']
  report.MODE.carry_out(run._replace(step=50), tmp_path, options, build=True)
  assert evaluated[5:] == ['density', 'classify', 'generate']


def test_what_was_found_on_other_data_or_is_damaged_is_found_anew(
  tmp_path, evaluated, monkeypatch, capsys
):
  run = Run(tiny_run.tiny_config(), None, None, None, 40)
  options = report.Options(modes=('density',))
  report.MODE.carry_out(run, tmp_path, options, build=False)
  path = tmp_path / 'density.json'
  record = json.loads(path.read_text())
  path.write_text(json.dumps(record | {'data': {'robot': {'seed': 1, 'scenes of test': 3}}}))
  data = Dataset({}, {}, {}, {'seed': 1, 'scenes of test': 3})
  monkeypatch.setattr(report, 'open_dataset', lambda name, data_dir: data)
  report.MODE.carry_out(run, tmp_path, options, build=False)
  assert evaluated == ['density']
  data = Dataset({}, {}, {}, {'seed': 2, 'scenes of test': 3})
  report.MODE.carry_out(run, tmp_path, options, build=False)
  assert evaluated == ['density'] * 2
  for damage in ('', '{', '[]', '{}', path.read_text()[:-30]):
    path.write_text(damage)
    done = len(evaluated)
    report.MODE.carry_out(run, tmp_path, options, build=False)
    assert len(evaluated) == done + 1
    assert 'density.json cannot be read' in capsys.readouterr().out


def test_a_mode_that_is_none_is_named():
  with pytest.raises(UserError, match="names 'generte', .* did you mean 'generate'"):
    report.Options(modes=('generte',))
