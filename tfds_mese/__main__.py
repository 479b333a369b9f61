"""Builds the MESE dataset without TensorFlow, with the flags of `tfds build`.

`python -m tfds_mese verify DIR` checks a built one instead, `stats NAME` prints its statistics,
`export NAME` writes it as Parquet or WebDataset files, and `croissant NAME` its Croissant metadata.
"""

import argparse
import contextlib
import dataclasses
import importlib
import io
import json
import pathlib
import sys
from collections.abc import Iterator

if __name__ == '__main__':
  from tfds_mese.commands import DATA

  DATA.run('python -m tfds_mese', sys.argv[1:])

import tensorflow_datasets as tfds
from tensorflow_datasets.scripts.cli import build as tfds_build
from tensorflow_datasets.scripts.cli import cli_utils

from mese_env.command_line import require_at_least
from mese_env.errors import UserError, nearest
from mese_env.fields import shown
from mese_env.remarks import without_remarks
from tfds_mese import configs, reading, statistics, verifying
from tfds_mese.commands import DATA
from tfds_mese.export import opening
from tfds_mese.export.manifest import is_export
from tfds_mese.tfds_mese_dataset_builder import Builder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args(tfds_build.Args):
  """Builds the MESE dataset without TensorFlow."""

  # `2/4` on the second of four machines: generates every fourth chunk and builds nothing. Then
  # bring the folders `chunks-*` together on one machine and build there without this flag.
  shards: str | None = None

  def execute(self) -> None:
    """Builds the dataset, or generates this machine's share of it."""
    # TFDS removes what --overwrite replaces before the builder sees a flag.
    configs.check_limit(self.debug.max_examples_per_split)
    self._import_modules()
    asked = self._asked_config()
    if asked is not None:
      sized = configs.fields_of_sized_name(asked)
      asked = asked if sized is None else json.dumps(sized)
    config = None if asked is None else _config(asked)
    if self.shards is None:
      ours = {'config': asked, 'config_idx': None, 'imports': None}
      generation = dataclasses.replace(self.generation, **ours)
      tfds_build.Args.execute(dataclasses.replace(self, generation=generation))
    elif config is None:
      raise UserError('--shards needs a --config to share out.')
    else:
      share, num_shares = _parse_shards(self.shards)
      Builder(config=config, data_dir=self.paths.data_dir).generate_share(share, num_shares)

  def _import_modules(self) -> None:
    """Imports those of --imports, such as one that enters an object type."""
    for module in filter(None, (self.generation.imports or '').split(',')):
      try:
        importlib.import_module(module)
      except ModuleNotFoundError as error:
        raise UserError(
          f'--imports={self.generation.imports} cannot be imported ({error}): give modules '
          'of this folder or of installed packages.'
        ) from error

  def _asked_config(self) -> str | None:
    """The config of --config, or of --config_idx among the listed ones."""
    number = self.generation.config_idx
    if number is None:
      return self.generation.config
    if self.generation.config is not None:
      raise UserError('--config and --config_idx both name a config: give one of them.')
    if number not in range(len(configs.CONFIGS)):
      raise UserError(f'--config_idx is {number}; give one from 0 to {len(configs.CONFIGS) - 1}.')
    return configs.CONFIGS[number].name


def main(arguments: list[str]) -> int:
  """Runs the command.

  Args:
    arguments: those of the command line, without the program.

  Returns:
    the exit code: 0, or 1 where `verify` found a fault.

  Raises:
    UserError: an argument is wrong, or the build cannot go on.
  """
  return DATA.carry_out('python -m tfds_mese', arguments)


def build(options: argparse.Namespace) -> None:
  """Builds what the options, flags of `tfds build`, ask for; raises as `main`."""
  parse = cli_utils.make_flags_parser(Args, description=__doc__ or '')
  dataset = pathlib.Path(__file__).parent
  args = parse(['tfds_mese', *options.given, f'--datasets={dataset}'])
  with _without_remarks_of_tfds():
    args.execute()


@contextlib.contextmanager
def _without_remarks_of_tfds() -> Iterator[None]:
  """Leaves of what a build says what `Builder` says of it, and warnings that a user can act on."""
  tfds.disable_progress_bar()
  with (
    # What is missing before a first build, and what a config of one's own is.
    without_remarks('absl', 'Using custom data configuration', 'Variant folder'),
    # TFDS imports Apache Beam where it is installed, used or not; BigQuery is of no use here.
    without_remarks('root', 'apitools not found'),
    # TFDS prints where the dataset goes, and then its whole card.
    contextlib.redirect_stdout(io.StringIO()),
  ):
    yield


def _config(config: str) -> str | configs.MeseConfig:
  """Checks a name or a JSON of fields as --config takes them, and returns what Builder takes."""
  if config.startswith('{'):
    try:
      given = json.loads(config)
    except (ValueError, RecursionError) as error:
      raise UserError(
        f'--config={shown(config)} is not JSON ({error}): put each name in double quotes.'
      ) from error
    return configs.from_fields(given)
  names = [known.name for known in configs.CONFIGS]
  if config not in names:
    near = nearest(config, names)
    raise UserError(f'there is no config {config!r}: did you mean {near!r}?')
  return config


def _parse_shards(text: str) -> tuple[int, int]:
  share, slash, num_shares = text.partition('/')
  whole = slash and share.isdecimal() and num_shares.isdecimal()
  if whole and 1 <= int(share) <= int(num_shares):
    return int(share), int(num_shares)
  raise UserError(f'--shards={text} is not a share: write 2/4 for the second of four.')


def verify(options: argparse.Namespace) -> int:
  """Prints the faults of a built dataset; returns 1 where there are any.

  Raises:
    UserError: there is none, or the options are wrong.
  """
  require_at_least(options, scenes=0)
  if is_export(options.folder):
    faults, origin = opening.verify_export(options.folder), 'an export; its digests were compared'
  else:
    faults = verifying.verify(options.folder, options.scenes)
    origin = verifying.provenance(options.folder)
  num_faults = 0
  for fault in faults:
    print(fault, flush=True)
    num_faults += 1
  print(f'{options.folder}: {num_faults} faults; {origin}')
  return 1 if num_faults else 0


def print_statistics(options: argparse.Namespace) -> None:
  """Prints the statistics of a dataset; a UserError says that there is none."""
  splits = reading.open_dataset(options.name, options.data_dir).splits
  print(*statistics.object_table(splits), sep='\n')
  print('', *statistics.haptic_table(splits['train'], options.per_sensor), sep='\n')
