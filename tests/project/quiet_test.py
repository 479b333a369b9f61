"""The terminal shows what the program says, and nothing of libraries that no user can act on."""

import logging
import os
import pathlib
import re
import subprocess
import sys

import pytest

from mese_env.remarks import without_remarks

pytestmark = pytest.mark.long

_ROOT = pathlib.Path(__file__).parents[2]
_CONFIG = _ROOT / 'experiments' / 'configs' / 'apoe.py'
_DATASET = 'shepard_metzler_5_2_2_2'
_SIZES = {'image_size': 8, 'width': 2, 'latent': 1, 'batch_size': 2, 'validate_scenes': 2}
_EVERY = {'steps': 4, 'log_every': 2, 'validate_every': 4, 'checkpoint_every': 2, 'sample_every': 4}
_BUILD_SAYS = [
  rf'tfds_mese/{_DATASET}/1\.0\.0: 6 scenes, 0 of them from an earlier run; about .* processes; .*',
  r'6/6 scenes, .*, 0 s left',
  rf'tfds_mese/{_DATASET}/1\.0\.0: writing the files',
  rf'tfds_mese/{_DATASET}/1\.0\.0 is built: 2 of train, 2 of val, 2 of test; .*iB in data/.*',
]
_TRAINING_SAYS = [
  r'compiling the training step',
  r'compiled it in \d.*',
  r'ELBOs are means over episodes, in nats; .* val_seen, .* withhold senses and views .*',
  r'step 2/4: ELBO of its batch .* nats, .* left',
  r'step 4/4: ELBO of val .* nats, of val_seen .* nats, 0 s left',
]
# What the demo and an export do in their own process, where nothing was silenced before.
_USE = """
import pathlib
from gmn_jax.checkpoint import load_run, save_model
from tfds_mese.reading import open_dataset
save_model(load_run('run'), pathlib.Path('copy'))
open_dataset('shepard_metzler_5_2_2_2', 'data')
"""


def _lines(folder: pathlib.Path, *arguments: str | os.PathLike) -> list[str]:
  """What Python, given these arguments, writes to stdout and stderr, line by line."""
  environment = os.environ | {
    'PYTHONPATH': str(_ROOT),
    'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
    'MPLCONFIGDIR': str(folder),
  }
  # Python's own choice of what warnings are shown, whatever the tests are run with.
  environment.pop('PYTHONWARNINGS', None)
  done = subprocess.run(
    [sys.executable, *arguments],
    cwd=folder,
    env=environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  assert done.returncode == 0, done.stdout
  return done.stdout.splitlines()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return tmp_path_factory.mktemp('quiet')


@pytest.fixture(scope='module')
def trained(folder):
  """The lines of a build and a training, in `data` and `run`."""
  fields = [f'--config.{name}={value}' for name, value in (_SIZES | _EVERY).items()]
  where = [f'--config.dataset={_DATASET}', '--config.data_dir=data', '--workdir=run', '--build']
  return _lines(folder, _ROOT / 'experiments/main.py', f'--config={_CONFIG}', *fields, *where)


def _assert_said(lines: list[str], patterns: list[str]) -> None:
  for line, pattern in zip(lines, patterns, strict=True):
    assert re.fullmatch(pattern, line), line
    assert 'warning' not in line.lower()


def test_a_build_and_a_training_say_only_what_is_ours(trained):
  _assert_said(trained, [*_BUILD_SAYS, *_TRAINING_SAYS])


def test_a_dataset_that_is_there_already_is_one_sentence(trained, folder):
  lines = _lines(folder, '-m', 'tfds_mese', f'--config={_DATASET}', '--data_dir=data')
  _assert_said(lines, [_BUILD_SAYS[-1].replace('is built', 'is there already')])


def test_reading_a_run_and_a_dataset_says_nothing(trained, folder):
  assert _lines(folder, '-c', _USE) == []


def test_only_what_is_named_is_dropped_and_only_within_the_context(caplog):
  log = logging.getLogger('a library')
  with without_remarks('a library', 'no one', 'nothing'):
    log.warning('no one can act on %s', 'this')
    log.warning('the disk is full, which is not nothing')
  log.warning('no one said this before')
  assert caplog.messages == ['the disk is full, which is not nothing', 'no one said this before']
