"""What pip installs trains by itself: in a fresh environment, away from a checkout."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import venv

import numpy as np
import pytest

from gmn_jax.models import find
from gmn_jax.training import exported
from tests import tiny_run

pytestmark = pytest.mark.long

_ROOT = pathlib.Path(__file__).parents[2]
_ANOTHER = 'one-more.2'
_PACKAGES = ('experiments', 'gmn_jax', 'mese_env', 'tfds_mese')
_TRAIN = """
import importlib.util, pathlib
import numpy as np
import gmn_jax
from gmn_jax.checkpoint import load_run
from tfds_mese import own_data

assert importlib.util.find_spec('tests') is None
rng = np.random.default_rng(0)
scenes = {
  'images': rng.integers(0, 256, (2, 4, 8, 8, 3), np.uint8),
  'cameras': rng.uniform(-1, 1, (2, 4, 5)).astype(np.float32),
  'haptics': rng.normal(size=(2, 4, 24)).astype(np.float32),
  'hands': rng.uniform(-1, 1, (2, 4, 5)).astype(np.float32),
}
config = gmn_jax.config.preset(
  'small', variant='poe', steps=2, image_size=8, width=2, draw_steps=1, latent=1, batch_size=2,
  optimizer='adam', haptic_channels=24,
)
state = gmn_jax.train(config, own_data.from_arrays({'train': scenes, 'val': scenes}), 'run')
run = load_run('run')
assert (int(state.step), run.step, run.config) == (2, 2, config)
print(pathlib.Path(gmn_jax.__file__).parents[1], gmn_jax.__version__)
"""
_EXTRACTS = """
from gmn_jax.authors.parity import EXTRACTS
print(len(list(EXTRACTS.glob('*.npz'))))
"""
_LOAD = """
import sys
import gmn_jax
from gmn_jax.checkpoint import load_run
from gmn_jax.models import run_folder

for name in sys.argv[1:]:
  print(load_run(run_folder(name, f'runs/{name}')).step, gmn_jax.load(name).run.config.variant)
"""

# What the script `gmn` does.
_GMN = """
import sys
from importlib.metadata import entry_points
(gmn,) = entry_points(group='console_scripts', name='gmn')
sys.argv[0] = 'gmn'
gmn.load()()
"""
# The config of `_TRAIN`, whose step is compiled by then, and its scenes in files.
_TINY = (
  'steps=2', 'image_size=8', 'width=2', 'draw_steps=1', 'latent=1', 'batch_size=2',
  'optimizer=adam', 'haptic_channels=24',
)  # fmt: skip


@pytest.fixture(scope='module')
def site(tmp_path_factory):
  """The packages of an environment that has this project's wheel, and what it needs."""
  folder = tmp_path_factory.mktemp('wheel')
  source, environment = folder / 'source', folder / 'environment'
  for name in _PACKAGES:
    ignored = shutil.ignore_patterns('__pycache__', 'trained')
    shutil.copytree(_ROOT / name, source / name, ignore=ignored)
  for path in _ROOT.iterdir():
    if path.is_file():
      shutil.copy(path, source)
  # A folder is all that one more model asks for.
  models = source / 'gmn_jax' / 'models'
  exported.save_model(tiny_run.random_run(), models / _ANOTHER, float16=True)
  # What building needs is here.
  pip = (sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check')
  _run(*pip, 'wheel', '--no-deps', '--no-index', '--no-build-isolation', '-w', folder, source)
  (wheel,) = folder.glob('*.whl')
  venv.create(environment, symlinks=True)
  (site,) = environment.glob('lib/python*/site-packages')
  _run(*pip, 'install', '--no-deps', '--no-index', '--target', site, wheel)
  # A line of a .pth file brings a folder of packages, not the hooks in it that bring the checkout.
  (site / 'others.pth').write_text(sysconfig.get_path('purelib'))
  return site


def _run(*command, cwd=None):
  """Standard output of a command that does not know of the checkout."""
  environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
  environment['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'true'
  done = subprocess.run(
    list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr[-3000:]
  return done.stdout


def _python(site, script, folder, *arguments):
  return _run(site.parents[2] / 'bin' / 'python', '-c', script, *arguments, cwd=folder).split()


def _write_scenes(folder):
  rng = np.random.default_rng(0)
  for split in ('train', 'val'):
    (folder / split).mkdir(parents=True)
    for number in range(2):
      np.savez(
        folder / split / f'{number}.npz',
        images=rng.integers(0, 256, (4, 8, 8, 3), np.uint8),
        cameras=rng.uniform(-1, 1, (4, 5)).astype(np.float32),
        haptics=rng.normal(size=(4, 24)).astype(np.float32),
        hands=rng.uniform(-1, 1, (4, 5)).astype(np.float32),
      )


def test_an_installed_wheel_trains_on_scenes_in_memory(site, tmp_path):
  assert _python(site, _TRAIN, tmp_path) == [str(site), '0.1.0']
  assert (tmp_path / 'run' / 'metrics.jsonl').is_file()


def test_an_installed_wheel_loads_the_models_that_come_along(site, tmp_path):
  names = [*find.bundled(), _ANOTHER]
  said = _python(site, _LOAD, tmp_path, *names)
  assert len(said) == 2 * len(names) and said[-2:] == ['0', 'apoe']
  for name in names:
    files = {path.name for path in (site / 'gmn_jax' / 'models' / name).iterdir()}
    assert files == {'README.md', 'config.json', 'metrics.json', 'model.safetensors'}


def test_an_installed_wheel_has_the_recordings_that_parity_compares_with(site, tmp_path):
  assert _python(site, _EXTRACTS, tmp_path) == ['6']
  with pytest.raises(AssertionError, match='error: there is no recording nowhere.npz'):
    _run(site.parents[2] / 'bin' / 'python', '-m', 'gmn_jax.parity', 'nowhere.npz', cwd=tmp_path)


def test_an_installed_wheel_has_every_command_in_any_folder(site, tmp_path):
  (tmp_path / 'experiments').mkdir()
  (tmp_path / 'experiments' / '__init__.py').write_text('raise SystemExit("not ours")')
  python = site.parents[2] / 'bin' / 'python'
  _write_scenes(tmp_path / 'scenes')
  fields = (f'--config.{field}' for field in (*_TINY, f'dataset={tmp_path / "scenes"}'))
  _run(python, '-c', _GMN, 'train', '--config=poe', *fields, cwd=tmp_path)
  assert (tmp_path / 'runs' / 'poe-small' / 'metrics.jsonl').is_file()
  for command in (('-c', _GMN), ('-m', 'gmn_jax')):
    shown = _run(python, *command, 'data', 'verify', '--help', cwd=tmp_path)
    assert 'data verify DIR [OPTIONS]' in shown
