"""Models that come along have the errors that they report; apoe-small is a run of docs/results."""

import json
import pathlib

import chex
import pytest

import gmn_jax
from experiments import main
from experiments.compare import archive
from gmn_jax.models import find, run_folder
from gmn_jax.training.checkpoint import load_run

pytestmark = [pytest.mark.optimised, pytest.mark.long]

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TRAINED = _ROOT / 'experiments' / 'trained' / 'apoe-small'
_ARCHIVE = _ROOT / 'docs' / 'results' / archive.NAME
_REPORTED = 'rate-1.6e-2-7200/apoe-1/generate.json'
# Others are larger, and take minutes.
_NAMES = [
  pytest.param(name, marks=[] if name == _TRAINED.name else pytest.mark.slow)
  for name in find.bundled()
]


@pytest.mark.parametrize('name', _NAMES)
def test_the_model_reproduces_the_errors_that_are_reported(name, tmp_path):
  workdir = run_folder(name, tmp_path / 'run')
  main.main(
    [
      'main.py',
      f'--workdir={workdir}',
      '--mode=generate',
      '--growing=0',
      '--frames=2',
      # The test split of shepard_metzler_5 begins with the same scenes.
      '--config.dataset=shepard_metzler_5_1_1_100',
      f'--config.data_dir={tmp_path / "data"}',
      '--build',
    ]
  )
  reported = gmn_jax.load(name).metrics['evaluations']['generate']['results']['squared_error']
  found = json.loads((workdir / 'generate.json').read_text())['results']['squared_error']
  assert set(reported) == {'the context', "another object's"}
  for given, by_kind in reported.items():
    for kind, (mean, error) in by_kind.items():
      # Of parameters that were rounded to float16 since, they differ by less than 1e-4.
      assert found[given][kind] == pytest.approx((mean, error), rel=1e-3), (given, kind)


def test_apoe_small_is_the_run_of_the_results(tmp_path):
  run, copy = load_run(_TRAINED), load_run(run_folder('apoe-small', tmp_path / 'copy'))
  assert (copy.config, copy.model, copy.step) == (run.config, run.model, run.step)
  chex.assert_trees_all_equal(copy.params, run.params)
  chex.assert_trees_all_equal(copy.ranges, run.ranges)
  archive.unpack(_ARCHIVE, tmp_path / 'results')
  reported = json.loads((tmp_path / 'results' / _REPORTED).read_text())['results']
  measured = gmn_jax.load('apoe-small').metrics['evaluations']['generate']['results']
  assert measured == reported
