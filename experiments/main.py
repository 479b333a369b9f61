"""Trains a model, and later evaluates it: one command, whose mode says what is done.

  python experiments/main.py --config=experiments/configs/apoe.py[:preset] [--mode=train]
  [--workdir=DIR] [--build]

Every field of the config can be overridden, as in --config.steps=1000 --config.modalities=m5.
"""

import difflib
import os
import pathlib
import re
import sys

# XLA reads its flags once, when it starts. The CPU's default scheduler is slower for this model
# and takes more memory.
os.environ['XLA_FLAGS'] = (
  '--xla_cpu_enable_concurrency_optimized_scheduler=false ' + os.environ.get('XLA_FLAGS', '')
)
# Configs import each other as `experiments.configs`, from whatever folder the command is run.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import jax  # noqa: E402
from absl import app, flags  # noqa: E402
from ml_collections import ConfigDict, config_flags  # noqa: E402

from experiments.configs import apoe  # noqa: E402
from gmn_jax import train  # noqa: E402
from gmn_jax.config import check  # noqa: E402
from gmn_jax.interruption import Interrupted  # noqa: E402
from mese_env.errors import UserError, exit_on_user_error  # noqa: E402
from tfds_mese import __main__ as builder  # noqa: E402
from tfds_mese import reading  # noqa: E402

_EXAMPLE = 'experiments/configs/apoe.py'
_CONFIG = config_flags.DEFINE_config_file('config', help_string=f'such as {_EXAMPLE}[:full]')
_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'folder of the run; runs/<config>-<preset> by default'
)
_MODE = flags.DEFINE_string('mode', 'train', 'what to do: train')
_BUILD = flags.DEFINE_bool('build', False, 'build the dataset first if it is missing')
_COMPILED = pathlib.Path('~/.cache/gmn_jax/xla')


def _train(config: ConfigDict, workdir: pathlib.Path) -> None:
  train.train(config, _dataset(config, _BUILD.value), workdir)


# An evaluation is a function of the same two arguments: the command line's config, and the folder
# of a run.
MODES = {'train': _train}


def main(argv: list[str]) -> None:
  """Parses the command line and runs its mode.

  Raises:
    UserError: the command line, the config or what it needs is not there.
  """
  _parse(argv)
  if _MODE.value not in MODES:
    near = difflib.get_close_matches(_MODE.value, MODES, n=1, cutoff=0.0)[0]
    raise UserError(
      f"there is no mode '{_MODE.value}'; use one of {', '.join(MODES)}; did you mean '{near}'?"
    )
  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    jax.config.update('jax_compilation_cache_dir', str(_COMPILED.expanduser()))
  config = _CONFIG.value
  check(config)
  name = pathlib.Path(flags.FLAGS['config'].config_filename.split(':')[0]).stem
  workdir = pathlib.Path(_WORKDIR.value or f'runs/{name}-{config.preset}')
  MODES[_MODE.value](config, workdir)


def _parse(argv: list[str]) -> None:
  """Parses flags; whatever is wrong with them becomes one sentence."""
  fields = list(apoe.get_config())
  for argument in argv[1:]:
    override = re.match(r'--?(?:no)?config\.([^=]+)', argument)
    if override and override[1] not in fields:
      near = difflib.get_close_matches(override[1], fields, n=1, cutoff=0.0)[0]
      raise UserError(f"the config has no field '{override[1]}'; did you mean '{near}'?")
    file = re.match(r'--?config=([^:]*)', argument)
    if file and not pathlib.Path(file[1]).is_file():
      raise UserError(f"there is no config file '{file[1]}'; use --config={_EXAMPLE}.")
  app.define_help_flags()
  try:
    rest = flags.FLAGS(argv)[1:]
  except flags.Error as error:
    reason = str(error).splitlines()[0].rstrip('.')
    raise UserError(f'{reason}; see --help and {_EXAMPLE}.') from error
  if rest:
    raise UserError(
      f"'{rest[0]}' is not understood; options begin with --, as in --config.steps=1000."
    )
  if _CONFIG.value is None:
    raise UserError(f'no config is given; use --config={_EXAMPLE}.')


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
