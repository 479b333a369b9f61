"""Trains a model, and later evaluates it: one command, whose mode says what is done.

python experiments/main.py --help
"""

import argparse
import pathlib
import sys
from typing import Any, NamedTuple

if __name__ == '__main__':
  # Where a script is run, Python looks in its folder, not in the one that holds `experiments`.
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
  from experiments.commands import MAIN

  MAIN.run('python experiments/main.py', sys.argv[1:])

from experiments import datasets, modes
from experiments.commands import MAIN
from experiments.compiled import keep_compiled
from experiments.evaluation import options as mode_options
from gmn_jax.config import Config, config_file, differences, make_model
from gmn_jax.devices import require_devices
from gmn_jax.models import refuse_bundled
from gmn_jax.trackers import require_installed
from gmn_jax.training import (
  distributed,
  train,
)
from gmn_jax.training.carried import check_start
from gmn_jax.training.checkpoint import Run, load_run
from gmn_jax.training.input import read_fields
from gmn_jax.training.interruption import Interrupted
from mese_env import folders
from mese_env.errors import UserError, quoted
from mese_env.remarks import without_remarks

_EXAMPLE = f'--config={config_file.EXAMPLE}'
_NO_CONFIG = f'no config is given; use {_EXAMPLE}, as in {_EXAMPLE}:small --build.'
# Where an evaluation's scenes come from may differ from what the run was trained on.
_WHERE = ('dataset', 'data_dir')
# Where the results go of a model that is no run of one's own: runs/apoe-small is the place of a run
# of the config apoe.
_MODELS = pathlib.Path('runs', 'models')
# Tracebacks of threads in which a checkpoint is written: the error is raised in this one too.
_LOGGED_BY_ORBAX = ('[process=',)


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


def main(argv: list[str]) -> int:
  """Does what the command line `argv[1:]` says, as `carry_out`; returns the exit code."""
  return carry_out(MAIN.read(argv[0], argv[1:]))


def carry_out(options: argparse.Namespace) -> int:
  """Does what the options say.

  Returns:
    The exit code: that of a signal where one came during training, with everything saved.

  Raises:
    UserError: the options or the config are not valid, or something needed is not there.
  """
  command = understood(options)
  keep_compiled()
  # What goes wrong is raised; orbax would log its traceback besides.
  with without_remarks('absl', *_LOGGED_BY_ORBAX):
    if command.mode != 'train':
      _evaluate(command)
      return 0
    try:
      _train(command)
    except Interrupted as interrupted:
      print(interrupted, file=sys.stderr)
      return interrupted.exit_code
  return 0


def _train(command: Command) -> None:
  config, workdir = command.config, command.workdir
  folders.refuse_inside_data(workdir, '--workdir', datasets.place(config.dataset, config.data_dir))
  folders.require_writable(workdir, 'give another --workdir.')
  if command.distributed:
    distributed.join(command.distributed)
  require_devices()
  require_installed(config.track)
  check_start(config, workdir)
  fields = read_fields(make_model(config).modalities)
  dataset = datasets.open_or_build(config.dataset, config.data_dir, command.build, fields)
  train.train(config, dataset, workdir, command.accept_data)


def _evaluate(command: Command) -> None:
  require_devices()
  run, workdir = open_run(command), command.workdir
  folders.require_writable(
    workdir,
    f'evaluate a copy of the run, which `gmn export --workdir={quoted(workdir)} --to=FOLDER` '
    'makes.',
  )
  modes.load(command.mode).carry_out(run, workdir, command.options, command.build)


def parse(argv: list[str]) -> Command:
  """Reads the command line; whatever is wrong with it becomes one sentence of a UserError."""
  return understood(MAIN.read(argv[0], argv[1:]))


def understood(options: argparse.Namespace) -> Command:
  """What the options ask for; a UserError says what is wrong with them."""
  mode, named = options.mode, options.config
  somewhere = options.workdir is not None or options.model is not None
  if named is None and (mode == 'train' or not somewhere):
    raise UserError(_NO_CONFIG)
  own = None
  if mode != 'train':
    own = mode_options.read(modes.load(mode).options, options)
  overrides, given = {}, None
  if named is not None or options.passed:
    # What an evaluation changes of the run's own config has the fields of any.
    file = config_file.read(config_file.EXAMPLE if named is None else named)
    flat, overrides = config_file.changed(file, options.passed)
    if 'data_dir' in overrides:
      overrides['data_dir'] = _folder_of('data_dir', overrides['data_dir'])
    if named is not None:
      given = file.checked(flat)
      named_folders = ('data_dir', 'start_from')
      given = given.replace(**{f: _folder_of(f, getattr(given, f)) for f in named_folders})
  default = '' if given is None else f'runs/{file.path.stem}-{given.preset}'
  folder = _workdir(options.workdir, default) if options.model is None else _of_model(options.model)
  if mode != 'train':
    return Command(given, overrides, folder, mode, options.build, options.best, own)
  place, accept = options.distributed, options.accept_data
  return Command(given, overrides, folder, mode, options.build, False, None, place, accept)


def _of_model(model: str) -> pathlib.Path:
  """The folder of the run that a name of a model, or a folder, stands for."""
  from gmn_jax.models import run_folder

  folder = run_folder(model, into=_MODELS / pathlib.PurePath(model).name)
  folders.refuse_inside_run(folder, 'the model')
  return folder


def _workdir(given: str | None, default: str = '') -> pathlib.Path:
  folder = folders.read_folder(default if given is None else given, '--workdir')
  folders.refuse_inside_run(folder, '--workdir')
  refuse_bundled(folder, '--workdir')
  return folder


def _folder_of(field: str, given: str) -> str:
  """The folder that a field of the config names; '' where it names none."""
  return given and str(folders.read_folder(given, f'--config.{field}'))


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
