"""The model that comes with the project, as a run and by its name, is the one that docs/results
reports.
"""

import json
import pathlib
import shutil

import chex
import pytest

from experiments import main
from experiments.compare import archive
from gmn_jax.models import run_folder
from gmn_jax.training.checkpoint import load_run

pytestmark = [pytest.mark.optimised, pytest.mark.long]

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TRAINED = _ROOT / 'experiments' / 'trained' / 'apoe-small'
_ARCHIVE = _ROOT / 'docs' / 'results' / archive.NAME
_REPORTED = 'rate-1.6e-2-7200/apoe-1/generate.json'


def test_the_model_reproduces_the_errors_that_are_reported(tmp_path):
  workdir = tmp_path / 'run'
  shutil.copytree(_TRAINED, workdir)
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
  archive.unpack(_ARCHIVE, tmp_path / 'results')
  reported, found = (
    json.loads(path.read_text())['results']['squared_error']
    for path in (tmp_path / 'results' / _REPORTED, workdir / 'generate.json')
  )
  assert set(reported) == {'the context', "another object's"}
  for given, by_kind in reported.items():
    for kind, (mean, error) in by_kind.items():
      assert found[given][kind] == pytest.approx((mean, error), rel=1e-3), (given, kind)


def test_the_model_that_comes_along_is_that_run(tmp_path):
  run, copy = load_run(_TRAINED), load_run(run_folder('apoe-small', tmp_path / 'copy'))
  assert (copy.config, copy.model, copy.step) == (run.config, run.model, run.step)
  chex.assert_trees_all_equal(copy.params, run.params)
  chex.assert_trees_all_equal(copy.ranges, run.ranges)
