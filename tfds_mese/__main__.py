"""`python -m tfds_mese`: the `tfds build` command for this dataset, without TensorFlow.

Takes the flags of `tfds build`; the dataset's name is implied.
"""

import difflib
import json
import logging
import pathlib
import sys

import absl.logging
from tensorflow_datasets.scripts.cli import build, cli_utils

from mese_env.errors import UserError, exit_on_user_error
from tfds_mese import configs


def main(arguments: list[str]) -> None:
  """Builds the configs that the arguments ask for; raises a UserError where it cannot."""
  parse = cli_utils.make_flags_parser(build.Args, description=__doc__)
  folder = str(pathlib.Path(__file__).parent)
  args = parse(['tfds_mese', *arguments, f'--datasets={folder}'])
  if args.generation.config is not None:
    _check_config(args.generation.config)
  args.execute()


def _check_config(config: str) -> None:
  """Refuses a name that is not listed and a JSON that no config can be made of."""
  names = [known.name for known in configs.CONFIGS]
  if not config.startswith('{'):
    if config not in names:
      near = difflib.get_close_matches(config, names, n=1, cutoff=0.0)[0]
      raise UserError(f'there is no config {config!r}: did you mean {near!r}?')
    return
  try:
    fields = json.loads(config)
  except json.JSONDecodeError as error:
    raise UserError(f'--config={config} is not JSON ({error}): quote every name twice.') from error
  configs.check_fields('the config', fields, configs.MeseConfig)


if __name__ == '__main__':
  # TFDS warns of what it finds missing on every first build.
  absl.logging.set_verbosity(absl.logging.ERROR)
  logging.getLogger().setLevel(logging.ERROR)
  with exit_on_user_error():
    main(sys.argv[1:])
