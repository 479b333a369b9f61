"""Compiles the training step for a slice of TPUs, without one, and says what a run would take.

python -m gmn_jax.plan --topology=v5e:4x8 --config=experiments/configs/apoe.py:full [OPTIONS]

--topology=CHIP:SHAPE   the slice; see below
--config.FIELD=VALUE    overrides a field, as in --config.modalities=m14 --config.dtype=bfloat16
--batch_per_device=N    scenes of a step on each chip; the config's batch_size over all chips if not
                        given. auto: the largest that fits, found with some compilations
--price=PRICE           of a chip for an hour, in any currency
--top=N                 how many lines of each list of operations are shown; 5 if not given

Compiling takes minutes, needs libtpu (python -m pip install -e '.[tpu]', on Linux) and no dataset:
scenes are taken to be as the simulator makes them, of 15 looks and grasps. Nothing is run, so all
that is printed is estimated. docs/pod.md has the numbers of the full preset.

The slices:
{slices}
"""

import argparse
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from gmn_jax.planning.chips import CHIPS, Topology, parse_topology
from mese_env.errors import UserError, did_you_mean

# JAX is loaded when the command line is known to be right, as far as can be said without it.
if TYPE_CHECKING:
  from gmn_jax.config import Config

_EXAMPLE = 'experiments/configs/apoe.py:full'
_OPTIONS = ('topology', 'config', 'batch_per_device', 'price', 'top')
_DEFAULT_TOP = '5'
AUTO = 'auto'


class Command(NamedTuple):
  """What the command line asks for, but for the config.

  Attributes:
    topology: the slice.
    per_device: scenes on each chip, or `AUTO`; None: the config's batch over all chips.
    price: of a chip for an hour; None: unknown.
    top: lines of each list of operations.
    of_config: the arguments that say which config.
  """

  topology: Topology
  per_device: int | str | None
  price: float | None
  top: int
  of_config: list[str]


def main(argv: Sequence[str]) -> None:
  """Does what the command line, without the program's name, says.

  Raises:
    UserError: the command line or the config is not valid, libtpu is missing, or the step does not
      fit.
  """
  if {'-h', '-help', '--help'} & set(argv):
    slices = '\n'.join(f'  {name}: {", ".join(chip.slices)}' for name, chip in CHIPS.items())
    print((__doc__ or '').format(slices=slices))
    return
  command = parse(argv)
  config = read_config(command.of_config)
  from gmn_jax.planning.devices import compile_only_devices
  from gmn_jax.planning.fit import fit
  from gmn_jax.planning.report import Plan, report

  devices = compile_only_devices(command.topology)
  fitted = fit(config, command.topology, devices, command.per_device)
  plan = Plan(fitted, command.topology, config.batch_size, command.price)
  print(report(plan, command.top))


def parse(argv: Sequence[str]) -> Command:
  """Reads the command line, all but the config.

  Raises:
    UserError: it is not valid.
  """
  parser = _Parser(add_help=False, allow_abbrev=False)
  for name in ('topology', 'batch_per_device', 'price', 'top'):
    parser.add_argument(f'--{name}')
  given, rest = parser.parse_known_args(argv)
  for argument in rest:
    if argument.startswith('-') and not re.match(r'--?(no)?config\b', argument):
      option = argument.lstrip('-').split('=')[0]
      raise UserError(f'there is no option --{option}; {did_you_mean(option, _OPTIONS)}')
  if given.topology is None:
    raise UserError('no topology is given; use --topology=v5e:4x8, or another slice of --help.')
  per_device = given.batch_per_device
  if per_device not in (None, AUTO):
    per_device = _whole('batch_per_device', per_device, f' or {AUTO}')
  price = None if given.price is None else _price(given.price)
  top = _whole('top', given.top or _DEFAULT_TOP)
  return Command(parse_topology(given.topology), per_device, price, top, rest)


def read_config(argv: Sequence[str]) -> 'Config':
  """The config that arguments as `--config=FILE:PRESET` and `--config.FIELD=VALUE` describe.

  Raises:
    UserError: they are not valid, or there is no such config.
  """
  from absl import flags

  from gmn_jax.config import config_file

  name = config_file.named(argv)
  if name is None:
    raise UserError(f'no config is given; use --config={_EXAMPLE}.')
  config, values = config_file.read(name), flags.FlagValues()
  try:
    rest = values(['plan', *config_file.define_fields(config, argv, values)])[1:]
  except flags.Error as error:
    reason = str(error).splitlines()[0].rstrip('.')
    raise UserError(f'{reason}; see --help and {_EXAMPLE}.') from error
  if rest:
    raise UserError(f"'{rest[0]}' is not understood; options begin with --, as in --price=1.2.")
  return config.checked(values['config'].value.to_dict())


class _Parser(argparse.ArgumentParser):
  """Raises what is wrong, as one sentence."""

  def error(self, message: str) -> NoReturn:
    raise UserError(f'{message}; see --help.')


def _whole(name: str, text: str, otherwise: str = '') -> int:
  if not re.fullmatch(r'\d{1,9}', text) or not int(text):
    raise UserError(f'--{name} is {text}; it must be a whole number of at least 1{otherwise}.')
  return int(text)


def _price(text: str) -> float:
  try:
    price = float(text)
  except ValueError:
    price = math.nan
  if not (math.isfinite(price) and price > 0):
    raise UserError(f'--price is {text}; it must be a positive number, of one chip for an hour.')
  return price
