"""Command lines, configs and inputs that make no sense."""

import contextlib
import io
import pathlib
import shutil
from collections.abc import Callable, Iterator

import numpy as np

from experiments import main as training_command
from experiments.faults.outcomes import Outcome
from experiments.faults.processes import Ended
from experiments.faults.trainer import Trainer
from mese_env import __main__ as environment_command
from mese_env.errors import exit_on_user_error
from tfds_mese import __main__ as dataset_command

_CONFIG = 'experiments/configs/apoe.py'
_OF_TRAINING = (
  [],
  ['--config=nowhere.py'],
  [f'--config={_CONFIG}:huge'],
  [f'--config={_CONFIG}', 'steps=3'],
  [f'--config={_CONFIG}', '--wrkdir=x'],
  [f'--config={_CONFIG}', '--mode=trian'],
  [f'--config={_CONFIG}', '--distributed=both'],
  [f'--config={_CONFIG}', '--workdir=/dev/null/run', '--config.dataset={scenes}'],
  [f'--config={_CONFIG}', '--workdir=gs://bucket/run', '--config.dataset={scenes}'],
  [f'--config={_CONFIG}', '--workdir={scenes}/run', '--config.dataset={scenes}'],
  *(
    [f'--config={_CONFIG}', *(f'--config.{override}' for override in overrides.split())]
    for overrides in (
      'stepz=3',
      'steps=soon',
      'steps=0',
      'steps=-5',
      'batch_size=0',
      'learning_rate=-1',
      'learning_rate=nan',
      'learning_rate=inf',
      'bias_rate=inf optimizer=muon',
      'std=inf',
      'clip=inf',
      'beta=inf',
      'weight_decay=inf',
      'steps=1000000000000',
      'warmup_steps=1000000000000',
      'batch_size=1000000000',
      'width=1000000',
      'clip=0',
      'std=0',
      'beta=-1',
      'seed=-1',
      'variant=apo',
      'absent=maybe',
      'protocol=strictly',
      'modalities=m3',
      'modalities=m5 missing=extrapol21',
      'missing=extrapol12',
      'image_size=30',
      'image_size=0',
      'haptic_channels=7 modalities=m8',
      'fsdp=3 dataset={scenes}',
      'dataset=shepard_metzler_7 data_dir={empty}',
      'dataset={empty}',
      'dataset={empty}/nothing',
      'dataset={scenes} data_dir={empty}',
      'dataset={scenes} haptic_channels=7',
      'dataset={no_haptics}',
      'dataset={float_images}',
      'dataset={degrees}',
      'dataset={not_finite}',
      'dataset={not_an_archive}',
    )
  ),
)
_OF_DATASETS = (
  ['--config=shepard_metzler_5_tinny'],
  ['--config={"num_trian": 5}'],
  ['--config={num_train: 5}'],
  ['--config={"num_train": 0}'],
  ['--config={"seed": 3}'],
  ['--config={"num_train": "5"}'],
  ['--config={"num_train": 1.5}'],
  ['--config={"name": "a", "scene": 5}'],
  ['--config={"name": "a", "seed": -1}'],
  ['--config={"name": "../a", "seed": 1}'],
  ['--config={"name": "a/b", "seed": 1}'],
  ['--config={"name": "a", "scene": {"num_parts": "5"}}'],
  ['--config={"name": "shepard_metzler_5_tiny", "seed": 7}'],
  ['--config=shepard_metzler_5_tiny', '--shards=5/4'],
  ['verify', '{empty}'],
)
_OF_THE_ENVIRONMENT = (
  ['sheet', '--out', '{empty}/sheet.png', '--parts', '9'],
  ['sheet', '--out', '{empty}/none/sheet.png', '--scenes', '1'],
  ['stats', '--seed', '-1'],
)


# Each a command and its arguments.
CASES = tuple(
  (name, *arguments)
  for name, group in (
    ('main.py', _OF_TRAINING),
    ('tfds_mese', _OF_DATASETS),
    ('mese_env', _OF_THE_ENVIRONMENT),
  )
  for arguments in group
)
_COMMANDS: dict[str, Callable[[list[str]], object]] = {
  'main.py': lambda arguments: training_command.main(['main.py', *arguments]),
  'tfds_mese': dataset_command.main,
  'mese_env': environment_command.main,
}


def refusals(trainer: Trainer) -> Iterator[Outcome]:
  """Each malformed input, given to its command in this process."""
  places = _places(trainer)
  cases = [
    (_COMMANDS[name], name, [_fill(argument, places) for argument in arguments])
    for name, *arguments in CASES
  ]
  failed = []
  workdir = trainer.folder / 'never'
  for command, name, given in cases:
    arguments = given
    if name == 'main.py' and not any(argument.startswith('--workdir') for argument in given):
      arguments = [*given, f'--workdir={workdir}']
    if name == 'tfds_mese' and given[0] != 'verify':
      # What is not refused must not fill the disk.
      arguments = [*given, f'--data_dir={workdir}', '--max_examples_per_split=1']
    ended = _exit(command, arguments)
    clear = ended.refused() and len(ended.errors.strip().splitlines()) == 1
    if not clear or workdir.exists() or any(places['empty'].iterdir()):
      failed.append(f'`{name} {" ".join(arguments)}`: {ended}')
      shutil.rmtree(workdir, ignore_errors=True)
  yield Outcome(
    f'{len(cases)} malformed command lines, configs and inputs',
    'exit code 2, one sentence that names the thing, nothing written',
    '; '.join(failed) or 'all of them so',
    'nothing',
    not failed,
  )


def _fill(argument: str, places: dict[str, pathlib.Path]) -> str:
  for name, path in places.items():
    argument = argument.replace(f'{{{name}}}', str(path))
  return argument


def _exit(command: Callable[[list[str]], object], arguments: list[str]) -> Ended:
  """How a command ends, as its module runs it."""
  errors = io.StringIO()
  with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
    try:
      with exit_on_user_error():
        code = command(arguments) or 0
    except SystemExit as ended:
      code = ended.code
    except Exception as error:  # As Python itself would end with it.
      errors.write(f'Traceback: {type(error).__name__}: {error}')
      code = 1
  return Ended(code, errors.getvalue())


def _places(trainer: Trainer) -> dict[str, pathlib.Path]:
  """Folders by the names that stand for them above."""
  places = {'scenes': trainer.scenes, 'empty': trainer.folder / 'empty'}
  places['empty'].mkdir()
  for name, change in (
    ('no_haptics', lambda scene: scene.pop('haptics')),
    ('float_images', lambda scene: scene.update(images=scene['images'] / 255)),
    ('degrees', lambda scene: scene.update(cameras=np.rad2deg(scene['cameras']))),
    ('not_finite', lambda scene: scene.update(hands=scene['hands'] / 0)),
    ('not_an_archive', None),
  ):
    places[name] = trainer.folder / name
    shutil.copytree(trainer.scenes, places[name])
    path = places[name] / 'train' / '2.npz'
    if change is None:
      path.write_text('scene')
      continue
    with np.load(path) as file:
      scene = dict(file)
    with np.errstate(divide='ignore'):
      change(scene)
    np.savez(path, **scene)
  return places
