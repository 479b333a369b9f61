"""`python -m mese_env sheet` draws looks, `grasp` the hand at an object, `film` the hand closing;
`sensors` lists what the hand feels with, `stats` checks the simulated touch, `baselines` names
objects by simple policies, `pages` writes what each Gymnasium id takes and gives, and `doctor` says
what this machine can do and how to install what is missing.
"""

import argparse
import sys
from collections.abc import Sequence

if __name__ == '__main__':
  from mese_env.commands import MESE

  MESE.run('python -m mese_env', sys.argv[1:])

from mese_env import (
  baselines,
  fields,
  film,
  image_files,
  picture,
  scene,
  sensor_table,
  sensors,
  sheet,
  stats,
)
from mese_env.command_line import require_at_least
from mese_env.commands import MESE
from mese_env.poses import Pose
from mese_env.world import Touch, World


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs one command and returns its exit code: 0, or 1 if a figure is outside its range or
  something is missing.

  Raises:
    UserError: an argument is out of range, the sheet cannot be written, or MuJoCo is missing.
  """
  given = sys.argv[1:] if arguments is None else arguments
  return MESE.carry_out('python -m mese_env', given)


def write_grasp(options: argparse.Namespace) -> None:
  """Writes a picture of a grasp, and prints what is felt; raises as `main`."""
  world, _, touch = _grasp(options, '.png')
  camera = picture.best_camera(world.model, world.data)
  image_files.write_png(world.picture(camera, options.size), options.out)
  for channel in sensors.channels(kind='touch'):
    if touch.reading[channel] > 0:
      print(f'{sensors.SENSOR_NAMES[channel]:<24}{touch.reading[channel]:8.2f} N')
  print(f'wrote {options.out}')


def write_film(options: argparse.Namespace) -> None:
  """Writes a film of a grasp; raises as `main`."""
  world, wrist, _ = _grasp(options, '.gif')
  frames = film.frames(world, wrist, options.size)
  image_files.write_gif(frames, options.out, film.FRAME_MS, film.LAST_MS)
  print(f'wrote {options.out}')


def _grasp(options: argparse.Namespace, suffix: str) -> tuple[World, Pose, Touch]:
  require_at_least(options, seed=0)
  fields.check('--size', options.size, int, range(16, 2049))
  image_files.require_place(options.out, suffix)
  return film.first_grasp(options.seed, options.parts, options.hand)


def write_sheet(options: argparse.Namespace) -> None:
  """Writes a contact sheet; raises as `main`."""
  require_at_least(options, scenes=1, seed=0)
  image_files.require_place(options.out, '.png')
  config = scene.SceneConfig(num_parts=options.parts, renderer=options.renderer, num_grasps=0)
  scenes = [scene.generate_scene(config, options.seed, i) for i in range(options.scenes)]
  image_files.write_png(sheet.contact_sheet([one['images'] for one in scenes]), options.out)
  print(f'wrote {options.out}')


def print_stats(options: argparse.Namespace) -> int:
  """Prints the acceptance figures of touch; returns 1 where one is missed."""
  require_at_least(options, scenes=1, seed=0)
  config = scene.SceneConfig(hand=options.hand)
  figures = stats.acceptance_figures(options.scenes, options.seed, config.hand)
  print(stats.format_table(figures))
  missed = [figure.name for figure in figures if not figure.passed]
  if missed:
    print(f'{len(missed)} of {len(figures)} figures missed: {"; ".join(missed)}')
  return 1 if missed else 0


def print_sensors(options: argparse.Namespace) -> None:
  """Prints the channels and what grasps give them; raises as `main`."""
  require_at_least(options, scenes=1, seed=0)
  print(sensor_table.measured(options.scenes, options.seed, options.hand))


def print_baselines(options: argparse.Namespace) -> None:
  """Prints how well policies name an object; raises as `main`, or where there is no such model."""
  require_at_least(options, seed=0)
  for option, most in (('shapes', 300), ('gallery', 10_000), ('trials', 10_000)):
    allowed = range(2 - (option == 'trials'), most + 1)
    fields.check(f'--{option}', getattr(options, option), int, allowed)
  policies = baselines.POLICIES
  if options.model is not None:
    # The one place where the environment knows of a model, which needs JAX.
    from gmn_jax.models.policy import policy_of

    policies += (policy_of(options.model),)
  given = (options.shapes, options.gallery, options.trials, options.seed)
  print(baselines.format_table(baselines.measure(*given, policies)))


def write_pages(options: argparse.Namespace) -> None:
  """Writes a page of each Gymnasium id; raises as `main`."""
  from mese_env.gym import pages

  for path in pages.write(options.out):
    print(f'wrote {path}')
