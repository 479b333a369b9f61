"""Trains a model, and later evaluates it: one command, whose mode says what is done.

python experiments/main.py --config=experiments/configs/apoe.py[:PRESET] [OPTIONS]

--config.FIELD=VALUE  overrides a field, as in --config.steps=1000 --config.modalities=m5
--workdir=DIR         folder of the run; runs/<config>-<preset> if not given
--mode=MODE           what to do there: {modes}
--build               builds datasets first if they are missing
--accept_data         goes on with a run on other data than it had
--distributed=PLACE   training is of several processes: auto, or 2/4@HOST:PORT (docs/pod.md)

An evaluation (any mode but train) reads the run's config from its checkpoint: --config may be left
out where --workdir is given. It takes --config.dataset and --config.data_dir; what else is asked
for must be what the run is. `--mode=MODE --help` lists its own options.

--best                evaluates the checkpoint of the best validation instead of the last one
"""

import pathlib
import re
import sys
from typing import Any, NamedTuple

# Configs import each other as `experiments.configs`, from whatever folder the command is run.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

if __name__ == '__main__':
  from mese_env.errors import stop_while_loading

  stop_while_loading()

from absl import flags
from ml_collections import config_flags

from experiments import config_file, datasets, modes
from experiments.compiled import keep_compiled
from experiments.configs import apoe
from experiments.evaluation import options as mode_options
from gmn_jax.config import Config, differences, make_model
from gmn_jax.devices import require_devices
from gmn_jax.models import refuse_bundled
from gmn_jax.training import (
  distributed,
  train,
)
from gmn_jax.training.checkpoint import Run, load_run
from gmn_jax.training.input import read_fields
from gmn_jax.training.interruption import Interrupted
from mese_env import folders
from mese_env.errors import UserError, did_you_mean, exit_on_user_error, quoted
from mese_env.remarks import without_remarks

_NO_CONFIG = f'no config is given; use --config={config_file.EXAMPLE}.'
# Where an evaluation's scenes come from may differ from what the run was trained on.
_WHERE = ('dataset', 'data_dir')
# Tracebacks of threads in which a checkpoint is written: the error is raised in this one too.
_LOGGED_BY_ORBAX = ('[process=',)
_GOES_ON = 'what is finished stays, and the same command goes on from there.'


class Command(NamedTuple):
  """What the command line asks for.

  Attributes:
    config: what the run is to be; None where an evaluation takes whatever run there is.
    overrides: the fields of `config` that the command line gives one by one.
    workdir: of the run.
    mode: 'train', or what `modes` does.
    build: whether to build datasets that are missing.
    best: whether to evaluate the best checkpoint instead of the last one.
    options: of an evaluation, its `Options`; None for training.
    distributed: of training, this process's place among several; empty: there is one.
    accept_data: of training, whether a run may go on with other data than it had.
  """

  config: Config | None
  overrides: dict[str, Any]
  workdir: pathlib.Path
  mode: str
  build: bool
  best: bool
  options: Any
  distributed: str = ''
  accept_data: bool = False


def main(argv: list[str]) -> None:
  """Does what the command line `argv[1:]` says.

  Raises:
    UserError: the command line or the config is not valid, or something needed is not there.
    Interrupted: SIGTERM or SIGINT came during training.
  """
  if '--help' in argv:
    print(_help(_asked_mode(argv)))
    return
  command = parse(argv)
  keep_compiled()
  # What goes wrong is raised; orbax would log its traceback besides.
  with without_remarks('absl', *_LOGGED_BY_ORBAX):
    if command.mode == 'train':
      _train(command)
    else:
      _evaluate(command)


def _train(command: Command) -> None:
  config, workdir = command.config, command.workdir
  folders.refuse_inside_data(workdir, '--workdir', datasets.place(config.dataset, config.data_dir))
  folders.require_writable(workdir, 'give another --workdir.')
  if command.distributed:
    distributed.join(command.distributed)
  require_devices()
  fields = read_fields(make_model(config).modalities)
  dataset = datasets.open_or_build(config.dataset, config.data_dir, command.build, fields)
  train.train(config, dataset, workdir, command.accept_data)


def _evaluate(command: Command) -> None:
  require_devices()
  run, workdir = open_run(command), command.workdir
  folders.require_writable(
    workdir,
    'evaluate a copy of the run, which `python experiments/export.py '
    f'--workdir={quoted(workdir)} --to=FOLDER` makes.',
  )
  modes.load(command.mode).carry_out(run, workdir, command.options, command.build)


def parse(argv: list[str]) -> Command:
  """Reads the command line; whatever is wrong with it becomes one sentence of a UserError."""
  mode, named = _asked_mode(argv), config_file.named(argv)
  if mode == 'train' and named is None:
    raise UserError(_NO_CONFIG)
  values = flags.FlagValues()
  changes = any(re.match(r'--?(?:no)?config\.', argument) for argument in argv[1:])
  # What an evaluation changes of the run's own config has the fields of any.
  of_any = apoe.__file__ if changes else None
  read = of_any if named is None else named
  file = None if read is None else config_file.read(read)
  if file is not None:
    argv = config_file.define_fields(file, argv, values)
  workdir = flags.DEFINE_string('workdir', None, '', flag_values=values)
  flags.DEFINE_string('mode', 'train', '', flag_values=values)
  build = flags.DEFINE_bool('build', False, '', flag_values=values)
  kind = None
  if mode == 'train':
    flags.DEFINE_string('distributed', '', '', flag_values=values)
    flags.DEFINE_bool('accept_data', False, '', flag_values=values)
  else:
    flags.DEFINE_bool('best', False, '', flag_values=values)
    kind = modes.load(mode).options
    mode_options.define(kind, values)
  try:
    rest = values(argv)[1:]
  except flags.Error as error:
    reason = str(error).splitlines()[0].rstrip('.')
    raise UserError(f'{reason}; see --help and {config_file.EXAMPLE}.') from error
  if rest:
    raise UserError(f"'{rest[0]}' is not understood; options begin with --, as in --build.")
  if named is None and workdir.value is None:
    raise UserError(_NO_CONFIG)
  options = None if kind is None else mode_options.read(kind, values)
  best = kind is not None and values['best'].value
  overrides = {} if file is None else config_flags.get_override_values(values['config'])
  if 'data_dir' in overrides:
    overrides['data_dir'] = _data_dir(overrides['data_dir'])
  if named is None:
    folder = _workdir(workdir.value)
    return Command(None, overrides, folder, mode, build.value, best, options)
  given = file.checked({**values['config'].value.to_dict(), **overrides})
  given = given.replace(data_dir=_data_dir(given.data_dir))
  folder = _workdir(workdir.value, f'runs/{file.path.stem}-{given.preset}')
  training = {}
  if mode == 'train':
    training = {name: values[name].value for name in ('distributed', 'accept_data')}
  return Command(given, overrides, folder, mode, build.value, best, options, **training)


def _workdir(given: str | None, default: str = '') -> pathlib.Path:
  folder = folders.read_folder(default if given is None else given, '--workdir')
  folders.refuse_inside_run(folder, '--workdir')
  refuse_bundled(folder, '--workdir')
  return folder


def _data_dir(given: str) -> str:
  return str(folders.read_folder(given, '--config.data_dir')) if given else ''


def open_run(command: Command) -> Run:
  """The run that an evaluation is asked of, its `dataset` and `data_dir` those asked for.

  Raises:
    UserError: there is no checkpoint, or it is of another model than the command asks for.
  """
  run = load_run(command.workdir, command.best)
  stored = run.config.to_dict()
  asked = dict(command.overrides)
  if command.config is not None:
    asked = {'variant': command.config.variant, 'modalities': command.config.modalities} | asked
  where = {field: asked.pop(field) for field in _WHERE if field in asked}
  if differing := differences(stored, stored | asked):
    raise UserError(
      f'{command.workdir} holds a run with {", ".join(differing)}; ask for what it holds, or give '
      'another --workdir.'
    )
  return run._replace(config=run.config.replace(**where))


def _asked_mode(argv: list[str]) -> str:
  """The mode, which decides what other options there are."""
  asked = 'train'
  for argument, following in zip(argv, [*argv[1:], ''], strict=True):
    if match := re.fullmatch(r'--?mode(?:=(.*))?', argument):
      asked = following if match[1] is None else match[1]
  if asked not in (known := _modes()):
    raise UserError(f"there is no mode '{asked}'; {did_you_mean(asked, known)}")
  return asked


def _help(mode: str) -> str:
  text = __doc__.format(modes=', '.join(_modes()))
  if mode == 'train':
    return text
  evaluation = modes.load(mode)
  return f'{text}\n{evaluation.doc}\n{mode_options.describe(evaluation.options)}'


def _modes() -> list[str]:
  return ['train', *modes.names()]


if __name__ == '__main__':
  with exit_on_user_error(_GOES_ON):
    try:
      main(sys.argv)
    except Interrupted as interrupted:
      print(interrupted, file=sys.stderr)
      sys.exit(interrupted.exit_code)
