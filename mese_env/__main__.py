"""`python -m mese_env sheet` draws looks, `grasp` the hand at an object, `film` the hand closing;
`sensors` lists what the hand feels with, `stats` checks the simulated touch, `baselines` names
objects by simple policies, and `doctor` says what this machine can do and how to install what is
missing.
"""

import argparse
import sys
from collections.abc import Sequence

if __name__ == '__main__':
  from mese_env.errors import stop_while_loading

  stop_while_loading()

from mese_env import (
  baselines,
  doctor,
  fields,
  film,
  folders,
  hand,
  image_files,
  picture,
  scene,
  sensor_table,
  sensors,
  sheet,
  stats,
)
from mese_env.errors import UserError, exit_on_user_error
from mese_env.poses import Pose
from mese_env.world import Touch, World


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs one command and returns its exit code: 0, or 1 if a figure is outside its range or
  something is missing.

  Raises:
    UserError: an argument is out of range, the sheet cannot be written, or MuJoCo is missing.
  """
  options = _parser().parse_args(arguments)
  return options.run(options)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(prog='python -m mese_env')
  commands = parser.add_subparsers(required=True)

  looks = commands.add_parser('sheet', help='draw a contact sheet of looks')
  looks.add_argument(
    '--out', type=folders.path_argument('--out'), required=True, help='the PNG file to write'
  )
  looks.add_argument('--scenes', type=int, default=8, help='rows of the sheet')
  looks.add_argument('--seed', type=int, default=0)
  looks.add_argument('--parts', type=int, default=5, help='cubes per object: 4 to 7')
  looks.add_argument('--renderer', default='raycast', help='raycast, or mujoco (needs OpenGL)')
  looks.set_defaults(run=_write_sheet)

  touched = commands.add_parser('grasp', help='draw the hand closed on an object')
  _add_grasp_options(touched, 'the PNG file to write', 512)
  touched.set_defaults(run=_write_grasp)

  closing = commands.add_parser('film', help='draw the hand closing, and its readings beside it')
  _add_grasp_options(closing, 'the GIF file to write', 320)
  closing.set_defaults(run=_write_film)

  figures = commands.add_parser('stats', help='measure the acceptance figures of touch')
  figures.add_argument('--scenes', type=int, default=200, help='objects to grasp 15 times each')
  figures.add_argument('--seed', type=int, default=0)
  figures.add_argument('--hand', default=hand.DEFAULT, help=' or '.join(hand.NAMES))
  figures.set_defaults(run=_print_stats)

  listed = commands.add_parser('sensors', help='list the 132 channels, and what grasps give them')
  listed.add_argument('--scenes', type=int, default=20, help='objects to grasp 15 times each')
  listed.add_argument('--seed', type=int, default=0)
  listed.add_argument('--hand', default=hand.DEFAULT, help=' or '.join(hand.NAMES))
  listed.set_defaults(run=_print_sensors)

  simple = commands.add_parser('baselines', help='how well simple policies name an object')
  simple.add_argument('--shapes', type=int, default=20, help='to choose among')
  simple.add_argument('--gallery', type=int, default=120, help='known looks or grasps of each')
  simple.add_argument('--trials', type=int, default=10, help='objects to name, of each shape')
  simple.add_argument('--seed', type=int, default=0)
  simple.set_defaults(run=_print_baselines)

  machine = commands.add_parser('doctor', help='what this machine can do, and what to install')
  machine.set_defaults(run=_print_findings)
  return parser


def _add_grasp_options(parser: argparse.ArgumentParser, written: str, size: int) -> None:
  parser.add_argument('--out', type=folders.path_argument('--out'), required=True, help=written)
  parser.add_argument('--seed', type=int, default=0, help='of the object and the grasp')
  parser.add_argument('--parts', type=int, default=5, help='cubes of the object: 4 to 7')
  parser.add_argument('--hand', default=hand.DEFAULT, help=' or '.join(hand.NAMES))
  parser.add_argument('--size', type=int, default=size, help='pixels per side of the picture')


def _check_draw(options: argparse.Namespace) -> None:
  if options.scenes < 1:
    raise UserError(f'--scenes is {options.scenes}; give at least 1.')
  _check_seed(options)


def _check_seed(options: argparse.Namespace) -> None:
  if options.seed < 0:
    raise UserError(f'--seed is {options.seed}; give 0 or more.')


def _write_grasp(options: argparse.Namespace) -> int:
  world, _, touch = _grasp(options)
  camera = picture.best_camera(world.model, world.data)
  image_files.write_png(world.picture(camera, options.size), options.out)
  for channel in sensors.channels(kind='touch'):
    if touch.reading[channel] > 0:
      print(f'{sensors.SENSOR_NAMES[channel]:<24}{touch.reading[channel]:8.2f} N')
  print(f'wrote {options.out}')
  return 0


def _write_film(options: argparse.Namespace) -> int:
  world, wrist, _ = _grasp(options)
  frames = film.frames(world, wrist, options.size)
  image_files.write_gif(frames, options.out, film.FRAME_MS, film.LAST_MS)
  print(f'wrote {options.out}')
  return 0


def _grasp(options: argparse.Namespace) -> tuple[World, Pose, Touch]:
  _check_seed(options)
  fields.check('--size', options.size, int, range(16, 2049))
  folders.require_writable(options.out.parent, 'give another --out.')
  return film.first_grasp(options.seed, options.parts, options.hand)


def _write_sheet(options: argparse.Namespace) -> int:
  _check_draw(options)
  folders.require_writable(options.out.parent, 'give another --out.')
  config = scene.SceneConfig(num_parts=options.parts, renderer=options.renderer, num_grasps=0)
  scenes = [scene.generate_scene(config, options.seed, i) for i in range(options.scenes)]
  image_files.write_png(sheet.contact_sheet([one['images'] for one in scenes]), options.out)
  print(f'wrote {options.out}')
  return 0


def _print_stats(options: argparse.Namespace) -> int:
  _check_draw(options)
  config = scene.SceneConfig(hand=options.hand)
  figures = stats.acceptance_figures(options.scenes, options.seed, config.hand)
  print(stats.format_table(figures))
  missed = [figure.name for figure in figures if not figure.passed]
  if missed:
    print(f'{len(missed)} of {len(figures)} figures missed: {"; ".join(missed)}')
  return 1 if missed else 0


def _print_sensors(options: argparse.Namespace) -> int:
  _check_draw(options)
  print(sensor_table.measured(options.scenes, options.seed, options.hand))
  return 0


def _print_baselines(options: argparse.Namespace) -> int:
  _check_seed(options)
  allowed = {'shapes': range(2, 301), 'gallery': range(1, 10_001), 'trials': range(1, 10_001)}
  for option, sizes in allowed.items():
    fields.check(f'--{option}', getattr(options, option), int, sizes)
  found = baselines.measure(options.shapes, options.gallery, options.trials, options.seed)
  print(baselines.format_table(found))
  return 0


def _print_findings(options: argparse.Namespace) -> int:
  del options
  missing = 0
  for finding in doctor.examine():
    print(doctor.format_line(finding), flush=True)
    missing += finding.state == 'missing'
  print(f'{missing} missing' if missing else 'everything that is needed is there')
  return 1 if missing else 0


if __name__ == '__main__':
  with exit_on_user_error():
    sys.exit(main())
