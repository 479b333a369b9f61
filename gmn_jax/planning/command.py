"""Compiles the training step for a slice of TPUs, without one, and says what a run would take."""

import argparse
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from gmn_jax.planning.chips import CHIPS, Topology, parse_topology
from mese_env import command, installing
from mese_env.command_line import Parser
from mese_env.errors import UserError

# JAX is loaded when the command line is known to be right, as far as can be said without it.
if TYPE_CHECKING:
  from gmn_jax.config import Config

_EXAMPLE = 'apoe:full'
_DEFAULT_TOP = '5'
AUTO = 'auto'
_ABOUT = f"""\
Compiles the training step for a slice of TPUs, without one, and says what a run would take.

--config.FIELD=VALUE sets a field of the config, as in --config.modalities=m14. Compiling takes
minutes, needs libtpu ({installing.command('tpu')}, on Linux) and no dataset: scenes are taken
to be as the simulator makes them, of 15 looks and grasps. Nothing is run, so all that is printed is
estimated. docs/pod.md has the numbers of the full preset."""


class Command(NamedTuple):
  """What the command line asks for, but for the config.

  Attributes:
    topology: the slice.
    per_device: scenes on each chip, or `AUTO`; None: the config's batch over all chips.
    price: of a chip for an hour; None: unknown.
    top: lines of each list of operations.
    config: the name or file of the config; None: not given.
    changes: the arguments that set fields of it.
  """

  topology: Topology
  per_device: int | str | None
  price: float | None
  top: int
  config: str | None
  changes: list[str]


def main(argv: Sequence[str]) -> None:
  """Does what the command line, without the program's name, says.

  Raises:
    UserError: the command line or the config is not valid, libtpu is missing, or the step does not
      fit.
  """
  PLAN.carry_out(_PROGRAM, argv)


def carry_out(options: argparse.Namespace) -> None:
  """Does what the options say; raises as `main`."""
  asked = _understood(options)
  config = read_config(asked)
  from gmn_jax.planning.devices import compile_only_devices
  from gmn_jax.planning.fit import fit
  from gmn_jax.planning.report import Plan, report

  devices = compile_only_devices(asked.topology)
  fitted = fit(config, asked.topology, devices, asked.per_device)
  plan = Plan(fitted, asked.topology, config.batch_size, asked.price)
  print(report(plan, asked.top))


def parse(argv: Sequence[str]) -> Command:
  """Reads the command line, all but the config.

  Raises:
    UserError: it is not valid.
  """
  return _understood(PLAN.read(_PROGRAM, argv))


def _understood(given: argparse.Namespace) -> Command:
  if given.topology is None:
    raise UserError('no topology is given; use --topology=v5e:4x8, or another slice of --help.')
  per_device = given.batch_per_device
  if per_device not in (None, AUTO):
    per_device = _whole('batch_per_device', per_device, f' or {AUTO}')
  price = None if given.price is None else _price(given.price)
  top = _whole('top', given.top)
  topology = parse_topology(given.topology)
  return Command(topology, per_device, price, top, given.config, given.passed)


def read_config(asked: Command) -> 'Config':
  """The config that a command line describes.

  Raises:
    UserError: it is not valid, or there is none.
  """
  if asked.config is None:
    raise UserError(f'no config is given; use --config={_EXAMPLE}.')
  from gmn_jax.config import config_file

  config = config_file.read(asked.config)
  flat, _ = config_file.changed(config, asked.changes)
  return config.checked(flat)


def _parser(program: str, _: Sequence[str]) -> Parser:
  example = f'--topology=v5e:4x8 --config={_EXAMPLE}'
  parser = Parser(program, _ABOUT, example, others=r'--(no)?config\.')
  parser.option('topology', about='the slice; see below', metavar='CHIP:SHAPE')
  config = 'apoe, poe, baseline or a file of your own; :PRESET is small, medium or full'
  parser.option('config', about=config, metavar='NAME[:PRESET]')
  batch = (
    "scenes of a step on each chip; the config's batch_size over all chips if not given; auto: the "
    'largest that fits, found with some compilations'
  )
  parser.option('batch_per_device', about=batch, metavar='N')
  parser.option('price', about='of a chip for an hour, in any currency', metavar='X')
  lines = 'how many lines of each list of operations are shown'
  parser.option('top', str, _DEFAULT_TOP, lines, metavar='N')
  slices = '\n'.join(f'{name}: {", ".join(chip.slices)}' for name, chip in CHIPS.items())
  parser.explain('slices', slices)
  return parser


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


_PROGRAM = 'python -m gmn_jax.plan'
PLAN = command.Command(
  'Says what a run would take on TPUs.', _parser, 'gmn_jax.planning.command:carry_out'
)
