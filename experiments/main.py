"""Trains a model, and later evaluates it: one command, whose mode says what is done.

python experiments/main.py --config=experiments/configs/apoe.py[:PRESET] [OPTIONS]

--config.FIELD=VALUE  overrides a field, as in --config.steps=1000 --config.modalities=m5
--workdir=DIR         folder of the run; runs/<config>-<preset> if not given
--mode=MODE           what to do there: train
--build               builds the dataset first if it is missing
"""

import difflib
import os
import pathlib
import re
import sys
from typing import NamedTuple

# XLA reads its flags once, when it starts. The CPU's default scheduler is slower for this model and
# takes more memory.
os.environ['XLA_FLAGS'] = (
  '--xla_cpu_enable_concurrency_optimized_scheduler=false ' + os.environ.get('XLA_FLAGS', '')
)
# Configs import each other as `experiments.configs`, from whatever folder the command is run.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import jax  # noqa: E402
from absl import flags, logging  # noqa: E402
from ml_collections import ConfigDict, config_flags  # noqa: E402

from experiments.configs import apoe  # noqa: E402
from gmn_jax import train  # noqa: E402
from gmn_jax.config import check  # noqa: E402
from gmn_jax.interruption import Interrupted  # noqa: E402
from mese_env.errors import UserError, exit_on_user_error  # noqa: E402
from tfds_mese import __main__ as builder  # noqa: E402
from tfds_mese import reading  # noqa: E402

_EXAMPLE = 'experiments/configs/apoe.py'
_COMPILED = pathlib.Path('~/.cache/gmn_jax/xla')


class Command(NamedTuple):
  """What the command line asks for."""

  config: ConfigDict
  workdir: pathlib.Path
  mode: str
  build: bool


def _train(command: Command) -> None:
  train.train(command.config, _dataset(command.config, command.build), command.workdir)


# An evaluation is a function of the command in a module of its own.
MODES = {'train': _train}


def main(argv: list[str]) -> None:
  """Does what the command line `argv[1:]` says.

  Raises:
    UserError: the command line or the config is not valid, or something needed is not there.
    Interrupted: SIGTERM or SIGINT came during training.
  """
  if '--help' in argv:
    print(__doc__)
    return
  command = parse(argv)
  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    jax.config.update('jax_compilation_cache_dir', str(_COMPILED.expanduser()))
  # What goes wrong is raised; orbax would log its tracebacks besides.
  logging.set_verbosity(logging.FATAL)
  MODES[command.mode](command)


def parse(argv: list[str]) -> Command:
  """Reads the command line; whatever is wrong with it becomes one sentence of a UserError."""
  fields = list(apoe.get_config())
  for argument in argv[1:]:
    override = re.match(r'--?(?:no)?config\.([^=]+)', argument)
    if override and override[1] not in fields:
      raise UserError(_near('config has no field', override[1], fields))
    file = re.match(r'--?config=([^:]*)', argument)
    if file and not pathlib.Path(file[1]).is_file():
      raise UserError(f"there is no config file '{file[1]}'; use --config={_EXAMPLE}.")
  values = flags.FlagValues()
  config = config_flags.DEFINE_config_file('config', flag_values=values, sys_argv=argv)
  workdir = flags.DEFINE_string('workdir', None, '', flag_values=values)
  mode = flags.DEFINE_string('mode', 'train', '', flag_values=values)
  build = flags.DEFINE_bool('build', False, '', flag_values=values)
  try:
    rest = values(argv)[1:]
  except flags.Error as error:
    reason = str(error).splitlines()[0].rstrip('.')
    raise UserError(f'{reason}; see --help and {_EXAMPLE}.') from error
  if rest:
    raise UserError(f"'{rest[0]}' is not understood; options begin with --, as in --build.")
  if config.value is None:
    raise UserError(f'no config is given; use --config={_EXAMPLE}.')
  if mode.value not in MODES:
    raise UserError(_near('there is no mode', mode.value, list(MODES)))
  check(config.value)
  name = pathlib.Path(values['config'].config_filename.split(':')[0]).stem
  folder = pathlib.Path(workdir.value or f'runs/{name}-{config.value.preset}')
  return Command(config.value, folder, mode.value, build.value)


def _near(problem: str, given: str, known: list[str]) -> str:
  near = difflib.get_close_matches(given, known, n=1, cutoff=0.0)[0]
  return f"{problem} '{given}'; did you mean '{near}'?"


def _dataset(config: ConfigDict, build: bool) -> reading.Dataset:
  """Opens the config's dataset, building it first if it is missing and that was asked for."""
  data_dir = config.data_dir or None
  try:
    return reading.open_dataset(config.dataset, data_dir)
  except UserError as error:
    if not build:
      raise UserError(f'{error} Or give --build.') from error
  where = [] if data_dir is None else [f'--data_dir={data_dir}']
  builder.main([f'--config={config.dataset}', *where])
  return reading.open_dataset(config.dataset, data_dir)


if __name__ == '__main__':
  with exit_on_user_error():
    try:
      main(sys.argv)
    except Interrupted as interrupted:
      print(interrupted, file=sys.stderr)
      sys.exit(interrupted.exit_code)
