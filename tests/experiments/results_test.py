"""What docs/results tabulates is what its runs found, and the script finds everything done."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from experiments.compare import archive, runs
from experiments.compare import command as compare

pytestmark = pytest.mark.long

_RESULTS = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'results'
_TABULATED = sorted(path.parent.name for path in _RESULTS.glob('*/compare.txt'))
# Of recipes that are no longer run.
_EARLIER = {'m2-3600', 'm2-all-scenes', 'm2-batch-8'}
_PARTS = 'forms forms-3250 m2 m2-nothing-withheld m2-medium m5 rates'
# In place of Python: notes its arguments, one a line.
_NOTE = """#!/bin/sh
printf '%s\\n' "$@" '' >> calls
"""


@pytest.fixture(scope='module')
def results(tmp_path_factory):
  """docs/results with the numbers of all runs; no test changes it."""
  folder = tmp_path_factory.mktemp('checkout') / 'docs' / 'results'
  archive.unpack(_RESULTS / archive.NAME, folder)
  return folder


@pytest.mark.parametrize('name', _TABULATED)
def test_the_table_follows_from_the_runs_that_are_kept(name, results, tmp_path):
  folder = tmp_path / name
  shutil.copytree(results / name, folder)
  tabulated = json.loads((folder / 'compare.json').read_text())
  carried_out = []
  for run, jobs in tabulated['commands'].items():
    config, seed = run.rsplit('-', 1)
    done = json.loads((folder / run / 'compare-done.json').read_text())
    # A training's entry ends with its config.
    assert {mode: done[mode][: len(jobs[mode])] for mode in jobs} == jobs
    carried_out.append(compare.Run(config, int(seed), folder / run, jobs, ''))
  compare.compare(compare.Comparison(folder, tuple(carried_out)))
  assert (folder / 'compare.txt').read_text() == (_RESULTS / name / 'compare.txt').read_text()
  found = json.loads((folder / 'compare.json').read_text())
  assert found['results'] == tabulated['results']


def test_all_that_is_archived_is_tabulated(results):
  assert sorted(path.parent.name for path in results.glob('*/compare.json')) == _TABULATED


def test_the_script_unpacks_what_was_done_and_finds_nothing_left(results, tmp_path, monkeypatch):
  python = tmp_path / 'python'
  python.write_text(_NOTE)
  python.chmod(0o755)
  (tmp_path / 'docs' / 'results').mkdir(parents=True)
  shutil.copy(_RESULTS / archive.NAME, tmp_path / 'docs' / 'results')
  environment = {'PATH': os.environ['PATH'], 'PYTHON': str(python), 'PARTS': _PARTS}
  subprocess.run(['sh', str(_RESULTS / 'run.sh')], cwd=tmp_path, env=environment, check=True)
  calls = [call.split('\n') for call in (tmp_path / 'calls').read_text().strip().split('\n\n')]
  assert calls[0] == ['-m', archive.__name__, 'unpack', 'docs/results']
  # Where a run is done is part of its command, relative to the checkout.
  monkeypatch.chdir(results.parents[1])
  comparisons = [compare.parse(call) for call in calls if call[0] == 'experiments/compare.py']
  assert {comparison.workdir.name for comparison in comparisons} == set(_TABULATED) - _EARLIER
  for comparison in comparisons:
    for run in comparison.runs:
      assert runs.carry_out(run, lambda command: pytest.fail(f'not done: {command}')) == 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize('part', ['m2', 'm5', 'm2-nothing-withheld'])
def test_what_stops_the_script_stops_what_it_started(part, number, tmp_path):
  stand_in = tmp_path / 'python'
  stand_in.write_text(
    f'#!{sys.executable}\n'
    'import os, pathlib, signal, sys, time\n'
    f'here = pathlib.Path({str(tmp_path)!r})\n'
    'def stop(*_):\n'
    '  (here / "stopped").touch()\n'
    '  sys.exit(143)\n'
    'signal.signal(signal.SIGTERM, stop)\n'
    '(here / "unfinished").write_text(str(os.getpid()))\n'
    'os.replace(here / "unfinished", here / "started")\n'
    'time.sleep(60)\n'
  )
  stand_in.chmod(0o755)
  environment = os.environ | {'PYTHON': str(stand_in), 'PARTS': part}
  script = subprocess.Popen(['sh', str(_RESULTS / 'run.sh'), str(tmp_path)], env=environment)
  while not (tmp_path / 'started').exists():
    assert script.poll() is None
    time.sleep(0.01)
  script.send_signal(number)
  assert script.wait(timeout=30) == 128 + number
  assert (tmp_path / 'stopped').exists()
  with pytest.raises(ProcessLookupError):
    os.kill(int((tmp_path / 'started').read_text()), 0)


def test_a_gpu_is_asked_for_unless_it_is_a_trial(tmp_path):
  environment = os.environ | {'PYTHON': 'false', 'TRIAL': ''}
  refused = subprocess.run(
    ['sh', str(_RESULTS / 'gpu.sh'), str(tmp_path / 'runs')],
    env=environment,
    capture_output=True,
    text=True,
    check=False,
  )
  assert refused.returncode == 2
  assert refused.stderr.startswith('JAX sees no GPU') and refused.stderr.count('\n') == 1
  assert not (tmp_path / 'runs').exists()


@pytest.mark.slow
def test_what_a_gpu_had_no_time_for_goes_on_where_its_home_is_brought(tmp_path):
  first, second = tmp_path / 'first', tmp_path / 'second'
  script = ['sh', str(_RESULTS / 'gpu.sh')]
  tiny = 'image_size=8 width=2 draw_steps=1 latent=1 batch_size=2 few_steps=0 log_every=1'
  trial = {
    'PYTHON': sys.executable,
    'TFDS_DATA_DIR': str(tmp_path),
    'DATASET': 'shepard_metzler_5_4_2_1',
    'FORMS': 'anchored',
    'RATES': '8e-3',
    'SEEDS': '1',
    'TRIAL': ' '.join(
      f'--config.{field}' for field in (*tiny.split(), 'optimizer=adam', 'dtype=float32')
    ),
  }
  run = pathlib.Path('medium-anchored-8e-3', 'apoe-0')
  endless = os.environ | trial | {'MINUTES': '2', 'STEPS': '1000000'}
  # A busy machine may not have compiled the step the first time.
  for _ in range(4):
    subprocess.run([*script, str(first)], env=endless, check=True)
    if steps := _steps(first / run):
      break
  assert steps
  shutil.copytree(first / 'home', second / 'home')
  environment = os.environ | trial | {'MINUTES': '10', 'STEPS': str(max(steps) + 2)}
  with subprocess.Popen([*script, str(second)], env=environment) as running:
    while not _steps(second / 'full' / 'apoe-0'):
      assert running.poll() is None
      time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
  assert running.returncode == 143
  assert _steps(second / run) == [*steps, max(steps) + 1, max(steps) + 2]
  assert (second / 'table' / 'compare.txt').exists()
  packed = [path.name for path in (second / 'home').iterdir()]
  assert {'runs.tar.xz', 'others.tar', 'full-apoe-0.tar'} < {*packed}


def _steps(run: pathlib.Path) -> list[int]:
  """What a run has written of its training."""
  path = run / 'metrics.jsonl'
  lines = path.read_text().splitlines() if path.exists() else []
  records = [json.loads(line) for line in lines if line.endswith('}')]
  return [record['step'] for record in records if record['split'] == 'train']
