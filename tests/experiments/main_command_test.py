"""The command line: what it accepts, and that what is wrong becomes one sentence."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import jax
import jax.numpy as jnp
import pytest

from experiments import main, modes
from experiments.configs import apoe, baseline, poe
from experiments.gmn import GMN
from gmn_jax.config import PRESETS
from gmn_jax.optimisers import make_optimizer
from gmn_jax.training.checkpoint import Checkpoints, Run
from gmn_jax.training.input import train_batches
from gmn_jax.training.train_step import TrainState
from mese_env.errors import UserError
from tests import tiny_run

_ROOT = pathlib.Path(__file__).parents[2]
_CONFIG = str(_ROOT / 'experiments' / 'configs' / 'apoe.py')


def _parse(*arguments: str) -> main.Command:
  return main.parse(['main.py', *arguments])


def test_overrides_presets_and_the_default_workdir():
  command = _parse(f'--config={_CONFIG}', '--config.steps=7', '--config.modalities=m5')
  assert (command.config.steps, command.config.modalities) == (7, 'm5')
  assert (command.workdir, command.mode) == (pathlib.Path('runs/apoe-small'), 'train')
  command = _parse(f'--config={_CONFIG.replace("apoe", "poe")}:full', '--noconfig.opposite')
  assert (command.config.variant, command.config.opposite) == ('poe', False)
  assert command.workdir == pathlib.Path('runs/poe-full')


@pytest.mark.parametrize('preset', PRESETS)
def test_the_three_configs_differ_in_the_variant(preset):
  expected = apoe.get_config(preset)
  for config in (baseline.get_config(preset), poe.get_config(preset)):
    assert {field for field in config if config[field] != expected[field]} == {'variant'}


def test_the_full_preset_is_the_authors_recipe():
  config = apoe.get_config('full')
  assert (config.width, config.draw_steps, config.image_size, config.latent) == (64, 12, 64, 3)
  assert (config.learning_rate, config.clip, config.batch_size) == (1e-4, 0.25, 12)
  assert (config.warmup_steps, config.beta, config.std, config.opposite) == (0, 1.0, 1.0, True)


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    ([], 'no config is given; use --config='),
    (['--config=nowhere.py'], "no config file 'nowhere.py'"),
    (['--config=apo'], "no config file 'apo'; did you mean 'apoe'"),
    ([f'--config={_CONFIG}:huge'], "no preset 'huge'; use one of small, medium, full"),
    ([f'--config={_CONFIG}', '--config.stepz=3'], "field 'stepz'; did you mean 'steps'"),
    ([f'--config={_CONFIG}', '--config.steps=soon'], '--config.steps=soon'),
    ([f'--config={_CONFIG}', '--config.steps=0'], 'steps is 0; it must be at least 1'),
    ([f'--config={_CONFIG}', '--config.learning_rate=-1'], 'learning_rate is -1.0; it must be'),
    ([f'--config={_CONFIG}', '--config.variant=apo'], "variant is 'apo'; .* 'apoe'"),
    ([f'--config={_CONFIG}', '--config.modalities=m3'], "modality set 'm3'"),
    ([f'--config={_CONFIG}', '--config.image_size=30'], 'image_size is 30, .* multiple of 4'),
    ([f'--config={_CONFIG}', '--mode=trian'], "no mode 'trian'; did you mean 'train'"),
    ([f'--config={_CONFIG}', '--wrkdir=x'], "no option --wrkdir; did you mean 'workdir'"),
    ([f'--config={_CONFIG}', 'steps=3'], "'steps=3' is not understood"),
    ([f'--config={_CONFIG}', '--samples=3'], 'no option --samples; '),
    (['--mode=density'], 'no config is given; use --config='),
    (['--workdir=run'], 'no config is given; use --config='),
    (['--mode=density', '--config.width=2'], 'no config is given; use --config='),
    (['--workdir=run', '--config.width=2'], 'no config is given; use --config='),
    (['--workdir=run', '--mode', 'densty'], "no mode 'densty'; did you mean 'density'"),
    (['--workdir=run', '--mode=density', '--sampels=3'], "did you mean 'samples'"),
    (['--workdir=run', '--mode=density', '--samples=0'], '--samples is 0; it must be at least 1'),
    (['--workdir=run', '--mode=density', '--samples=many'], '--samples=many'),
    (['--workdir=run', '--mode=density', '--images=0,all'], '--images=0,all is not a list of'),
  ],
)
def test_what_is_wrong_with_a_command_line_is_named(arguments, sentence):
  with pytest.raises(UserError, match=sentence) as error:
    _parse(*arguments)
  assert '\n' not in str(error.value)


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """A run of `m2` at step 0, whose only checkpoint no validation measured."""
  folder, run = tmp_path_factory.mktemp('run'), tiny_run.random_run()
  optimizer = make_optimizer(run.config)
  state = TrainState(run.params, optimizer.init(run.params), jnp.int32(0), jax.random.key(0))
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  batches = train_batches(tiny_run.random_dataset().splits['train'], 2, 0, here)
  with Checkpoints(folder) as checkpoints:
    checkpoints.save(state, batches, run.config, run.ranges)
  return folder


def _open(workdir: pathlib.Path, *arguments: str) -> Run:
  return main.open_run(_parse(f'--workdir={workdir}', '--mode=density', *arguments))


@pytest.mark.long
def test_an_evaluation_takes_the_runs_own_config(workdir):
  run = _open(workdir)
  assert (run.config.width, run.config.dataset) == (2, 'shepard_metzler_5_tiny')
  # The config says what is asked for, not what the run is: its width stays.
  assert _open(workdir, f'--config={_CONFIG}').config.to_dict() == run.config.to_dict()
  elsewhere = ['--config.dataset=shepard_metzler_4', '--config.data_dir=/data']
  # A config may be named, before or after the fields.
  named = f'--config={_CONFIG}'
  for arguments in (elsewhere, [named, *elsewhere], [*elsewhere, named]):
    moved = _open(workdir, *arguments).config
    assert (moved.dataset, moved.data_dir, moved.width) == ('shepard_metzler_4', '/data', 2)


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    ([f'--config={_CONFIG}', '--config.modalities=m5'], "modalities='m2' .now 'm5'.; .*--workdir"),
    ([f'--config={_CONFIG.replace("apoe", "poe")}'], "variant='apoe' .now 'poe'."),
    ([f'--config={_CONFIG}', '--config.width=16'], 'width=2 .now 16.'),
    (['--config.width=16'], 'width=2 .now 16.'),
    (['--config.pooling=anchored'], "pooling='product' .now 'anchored'."),
    (['--best'], 'no validation'),
  ],
)
def test_a_run_that_is_not_what_is_asked_for_is_refused(workdir, arguments, sentence):
  with pytest.raises(UserError, match=sentence) as error:
    _open(workdir, *arguments)
  assert '\n' not in str(error.value)


def test_a_run_whose_folder_cannot_be_written_is_told_how_to_be_evaluated(monkeypatch, tmp_path):
  def refuse(**_):
    raise PermissionError(13, 'Permission denied')

  run = tmp_path / 'a run'
  shutil.copytree(_ROOT / 'experiments' / 'trained' / 'apoe-small', run)
  monkeypatch.setattr(tempfile, 'TemporaryFile', refuse)
  with pytest.raises(
    UserError, match=r'cannot write to .* \(Permission denied\): evaluate a copy'
  ) as e:
    main.main(['main.py', f'--workdir={run}', '--mode=generate'])
  assert f"gmn export --workdir='{run}' --to=FOLDER` makes." in str(e.value)


@pytest.mark.long
@pytest.mark.parametrize('mode', ['density', 'classify'])
@pytest.mark.parametrize(
  ('option', 'sentence'),
  [
    ('--chains=0', '--chains is 0; it must be at least 1.'),
    ('--temperatures=1', '--temperatures is 1; it must be at least 2.'),
  ],
)
def test_an_estimator_that_means_nothing_ends_in_one_sentence_and_code_2(
  mode, option, sentence, capsys
):
  with pytest.raises(SystemExit) as ended:
    GMN.run('gmn', [mode, 'nowhere', option])
  assert ended.value.code == 2
  assert capsys.readouterr().err == f'error: {sentence}\n'


@pytest.mark.long
def test_an_evaluation_without_a_checkpoint_ends_in_one_sentence_and_code_2(tmp_path):
  command = [sys.executable, str(_ROOT / 'experiments' / 'main.py'), '--mode=density']
  done = subprocess.run(
    [*command, '--workdir=nowhere'], cwd=tmp_path, capture_output=True, text=True
  )
  assert done.returncode == 2
  assert done.stderr.startswith('error: there is no checkpoint in nowhere')
  assert len(done.stderr.splitlines()) == 1
  assert not list(tmp_path.iterdir())


def test_help_lists_the_options_of_a_mode_with_their_comments(capsys):
  with pytest.raises(SystemExit) as ended:
    main.main(['main.py', '--mode=density', '--help'])
  assert ended.value.code == 0
  shown = ' '.join(capsys.readouterr().out.split())
  assert '--mode MODE' in shown and ', '.join(['train', *modes.names()]) in shown
  assert "--samples N K of 'iwae'" in shown and '(default: 50)' in shown


@pytest.mark.long
def test_a_missing_dataset_ends_in_one_sentence_and_code_2_and_leaves_nothing(tmp_path):
  arguments = [f'--config={_CONFIG}', f'--config.data_dir={tmp_path}/data', '--workdir=run']
  script = str(_ROOT / 'experiments' / 'main.py')
  done = subprocess.run(
    [sys.executable, script, *arguments], cwd=tmp_path, capture_output=True, text=True
  )
  assert done.returncode == 2
  assert 'python -m tfds_mese --config=shepard_metzler_5_tiny' in done.stderr
  assert len(done.stderr.splitlines()) == 1
  assert not list(tmp_path.iterdir())
