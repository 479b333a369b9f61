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

import os
import pathlib
import re
import sys
from typing import Any, NamedTuple

# Configs import each other as `experiments.configs`, from whatever folder the command is run.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import jax
from absl import flags, logging
from ml_collections import config_flags

from experiments import modes
from experiments.configs import apoe
from experiments.datasets import open_or_build
from experiments.evaluation import options as mode_options
from gmn_jax.config import Config, differences, make_model
from gmn_jax.training import (
  distributed,
  train,
)
from gmn_jax.training.checkpoint import Run, load_run
from gmn_jax.training.input import read_fields
from gmn_jax.training.interruption import Interrupted
from mese_env.errors import UserError, exit_on_user_error, nearest

_EXAMPLE = 'experiments/configs/apoe.py'
_NO_CONFIG = f'no config is given; use --config={_EXAMPLE}.'
# Where an evaluation's scenes come from may differ from what the run was trained on.
_WHERE = ('dataset', 'data_dir')
_COMPILED = pathlib.Path('~/.cache/gmn_jax/xla')


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
  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    jax.config.update('jax_compilation_cache_dir', str(_COMPILED.expanduser()))
  # What goes wrong is raised; orbax would log its tracebacks besides.
  logging.set_verbosity(logging.FATAL)
  if command.mode == 'train':
    if command.distributed:
      distributed.join(command.distributed)
    config = command.config
    fields = read_fields(make_model(config).modalities)
    dataset = open_or_build(config.dataset, config.data_dir, command.build, fields)
    train.train(config, dataset, command.workdir, command.accept_data)
    return
  run = open_run(command)
  mode = modes.load(command.mode)
  mode.carry_out(run, command.workdir, command.options, command.build)


def parse(argv: list[str]) -> Command:
  """Reads the command line; whatever is wrong with it becomes one sentence of a UserError."""
  fields, changes, named = list(apoe.get_config()), False, False
  for argument in argv[1:]:
    named = named or re.match(r'--?config(=|$)', argument)
    override = re.match(r'--?(?:no)?config\.([^=]+)', argument)
    changes = changes or override
    if override and override[1] not in fields:
      raise UserError(_near('config has no field', override[1], fields))
    file = re.match(r'--?config=([^:]*)', argument)
    if file and not pathlib.Path(file[1]).is_file():
      raise UserError(f"there is no config file '{file[1]}'; use --config={_EXAMPLE}.")
  mode = _asked_mode(argv)
  if mode == 'train' and not named:
    raise UserError(_NO_CONFIG)
  # Fields are read into a config that was read before.
  argv = argv[:1] + sorted(argv[1:], key=lambda argument: not argument.startswith('--config='))
  if changes and not named and mode != 'train':
    argv.insert(1, f'--config={apoe.__file__}')
  values = flags.FlagValues()
  config = config_flags.DEFINE_config_file('config', flag_values=values, sys_argv=argv)
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
    raise UserError(f'{reason}; see --help and {_EXAMPLE}.') from error
  if rest:
    raise UserError(f"'{rest[0]}' is not understood; options begin with --, as in --build.")
  if not named and workdir.value is None:
    raise UserError(_NO_CONFIG)
  options = None if kind is None else mode_options.read(kind, values)
  best = kind is not None and values['best'].value
  overrides = config_flags.get_override_values(values['config']) if config.value else {}
  if not named:
    folder = pathlib.Path(workdir.value)
    return Command(None, overrides, folder, mode, build.value, best, options)
  given = Config.from_flat(config.value.to_dict())
  name = pathlib.Path(values['config'].config_filename.split(':')[0]).stem
  folder = pathlib.Path(workdir.value or f'runs/{name}-{given.preset}')
  training = {}
  if mode == 'train':
    training = {name: values[name].value for name in ('distributed', 'accept_data')}
  return Command(given, overrides, folder, mode, build.value, best, options, **training)


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
    raise UserError(_near('there is no mode', asked, known))
  return asked


def _help(mode: str) -> str:
  text = __doc__.format(modes=', '.join(_modes()))
  if mode == 'train':
    return text
  evaluation = modes.load(mode)
  return f'{text}\n{evaluation.doc}\n{mode_options.describe(evaluation.options)}'


def _modes() -> list[str]:
  return ['train', *modes.names()]


def _near(problem: str, given: str, known: list[str]) -> str:
  near = nearest(given, known)
  return f"{problem} '{given}'; did you mean '{near}'?"


if __name__ == '__main__':
  with exit_on_user_error():
    try:
      main(sys.argv)
    except Interrupted as interrupted:
      print(interrupted, file=sys.stderr)
      sys.exit(interrupted.exit_code)
