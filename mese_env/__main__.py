"""`python -m mese_env sheet` draws looks, `stats` checks the simulated touch, and `doctor` says
what this machine can do and how to install what is missing.
"""

import argparse
import sys
from collections.abc import Sequence

if __name__ == '__main__':
  from mese_env.commands import MESE

  MESE.run('python -m mese_env', sys.argv[1:])

from mese_env import folders, scene, sheet, stats
from mese_env.command_line import require_at_least
from mese_env.commands import MESE


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs one command and returns its exit code: 0, or 1 if a figure is outside its range or
  something is missing.

  Raises:
    UserError: an argument is out of range, the sheet cannot be written, or MuJoCo is missing.
  """
  given = sys.argv[1:] if arguments is None else arguments
  return MESE.carry_out('python -m mese_env', given)


def write_sheet(options: argparse.Namespace) -> None:
  """Writes a contact sheet; raises as `main`."""
  require_at_least(options, scenes=1, seed=0)
  folders.require_writable(options.out.parent, 'give another --out.')
  config = scene.SceneConfig(num_parts=options.parts, renderer=options.renderer, num_grasps=1)
  scenes = [scene.generate_scene(config, options.seed, i) for i in range(options.scenes)]
  sheet.write_png(sheet.contact_sheet([one['images'] for one in scenes]), options.out)
  print(f'wrote {options.out}')


def print_stats(options: argparse.Namespace) -> int:
  """Prints the acceptance figures of touch; returns 1 where one is missed."""
  require_at_least(options, scenes=1, seed=0)
  config = scene.SceneConfig(hand=options.hand)
  print('grasping some thousand times; this takes some minutes', file=sys.stderr)
  figures = stats.acceptance_figures(options.scenes, options.seed, config.hand)
  print(stats.format_table(figures))
  missed = [figure.name for figure in figures if not figure.passed]
  if missed:
    print(f'{len(missed)} of {len(figures)} figures missed: {"; ".join(missed)}')
  return 1 if missed else 0
