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
  from mese_env.errors import stop_while_loading

  stop_while_loading()

import tensorflow_datasets as tfds
from tensorflow_datasets.scripts.cli import build, cli_utils

from mese_env.errors import UserError, exit_on_user_error, nearest
from mese_env.fields import shown
from mese_env.remarks import without_remarks
from tfds_mese import configs, reading, statistics, verifying
from tfds_mese.export import built, opening
from tfds_mese.export import command as export_command
from tfds_mese.export.manifest import is_export
from tfds_mese.tfds_mese_dataset_builder import Builder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args(build.Args):
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
      build.Args.execute(dataclasses.replace(self, generation=generation))
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
  if arguments[:1] == ['verify']:
    return _verify(arguments[1:])
  if arguments[:1] == ['stats']:
    return _print_statistics(arguments[1:])
  if arguments[:1] == ['export']:
    return export_command.main(arguments[1:])
  if arguments[:1] == ['croissant']:
    return _write_croissant(arguments[1:])
  parse = cli_utils.make_flags_parser(Args, description=__doc__ or '')
  dataset = pathlib.Path(__file__).parent
  args = parse(['tfds_mese', *arguments, f'--datasets={dataset}'])
  with _without_remarks_of_tfds():
    args.execute()
  return 0


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


def _verify(arguments: list[str]) -> int:
  parser = argparse.ArgumentParser('python -m tfds_mese verify', description=verifying.__doc__)
  parser.add_argument('folder', type=pathlib.Path, help='that holds the dataset_info.json')
  parser.add_argument(
    '--scenes', type=int, default=20, help='scenes of each split to generate again and compare'
  )
  args = parser.parse_args(arguments)
  if args.scenes < 0:
    raise UserError(f'--scenes is {args.scenes}; give 0 or more.')
  if is_export(args.folder):
    faults, origin = opening.verify_export(args.folder), 'an export; its digests were compared'
  else:
    faults = verifying.verify(args.folder, args.scenes)
    origin = verifying.provenance(args.folder)
  num_faults = 0
  for fault in faults:
    print(fault, flush=True)
    num_faults += 1
  print(f'{args.folder}: {num_faults} faults; {origin}')
  return 1 if num_faults else 0


def _print_statistics(arguments: list[str]) -> int:
  parser = argparse.ArgumentParser('python -m tfds_mese stats', description=statistics.__doc__)
  parser.add_argument('name', help='of the config; or a folder of scenes, such as ./robot')
  parser.add_argument('--data_dir', type=pathlib.Path, help='where it was built')
  parser.add_argument('--per_sensor', action='store_true', help='one row for each channel')
  args = parser.parse_args(arguments)
  splits = reading.open_dataset(args.name, args.data_dir).splits
  print(*statistics.object_table(splits), sep='\n')
  print('', *statistics.haptic_table(splits['train'], args.per_sensor), sep='\n')
  return 0


def _write_croissant(arguments: list[str]) -> int:
  parser = argparse.ArgumentParser('python -m tfds_mese croissant', description=built.__doc__)
  parser.add_argument('name', help='of a built dataset, or its folder')
  parser.add_argument('--data_dir', type=pathlib.Path, help='where it was built')
  built.describe(parser.parse_args(arguments))
  return 0


if __name__ == '__main__':
  with exit_on_user_error('the finished scenes stay, and the same command continues from them.'):
    sys.exit(main(sys.argv[1:]))
