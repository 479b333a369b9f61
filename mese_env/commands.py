"""What `python -m mese_env` takes; it loads nothing of what it does."""

from collections.abc import Sequence

from mese_env import folders
from mese_env.command import Command, Group
from mese_env.command_line import Parser

_DEFAULT_HAND, _HANDS = 'primitive', 'primitive, mesh or fidelity'


def _sheet(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, 'Draws a contact sheet of looks.', '--out sheet.png')
  file = folders.path_argument('--out')
  parser.option('out', file, None, 'the PNG file to write', required=True, metavar='FILE')
  parser.option('scenes', int, 8, 'rows of the sheet')
  parser.option('seed', int, 0, 'of the scenes')
  parser.option('parts', int, 5, 'cubes per object: 4 to 7')
  parser.option('renderer', str, 'raycast', 'raycast, or mujoco (needs OpenGL)', metavar='NAME')
  return parser


def _stats(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, 'Measures the acceptance figures of touch.', '--scenes 200')
  parser.option('scenes', int, 200, 'objects to grasp 15 times each')
  parser.option('seed', int, 0, 'of the scenes')
  parser.option('hand', str, _DEFAULT_HAND, _HANDS, metavar='NAME')
  return parser


def _grasp(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, 'Draws the hand closed on an object.', '--out grasp.png')
  _add_grasp(parser, 'the PNG file to write', 512)
  return parser


def _film(program: str, _: Sequence[str]) -> Parser:
  about = 'Draws the hand closing, the pads that feel lit up, and its readings beside it.'
  parser = Parser(program, about, '--out grasp.gif')
  _add_grasp(parser, 'the GIF file to write', 320)
  return parser


def _add_grasp(parser: Parser, written: str, size: int) -> None:
  file = folders.path_argument('--out')
  parser.option('out', file, None, written, required=True, metavar='FILE')
  parser.option('seed', int, 0, 'of the object and the grasp')
  parser.option('parts', int, 5, 'cubes of the object: 4 to 7')
  parser.option('hand', str, _DEFAULT_HAND, _HANDS, metavar='NAME')
  parser.option('size', int, size, 'pixels per side of the picture')


def _sensors(program: str, _: Sequence[str]) -> Parser:
  about = 'Lists the 132 channels, and what grasps give them.'
  parser = Parser(program, about, '--scenes 20')
  parser.option('scenes', int, 20, 'objects to grasp 15 times each')
  parser.option('seed', int, 0, 'of the scenes')
  parser.option('hand', str, _DEFAULT_HAND, _HANDS, metavar='NAME')
  return parser


def _baselines(program: str, _: Sequence[str]) -> Parser:
  about = (
    'Says how well simple policies name the shape of an object, after so many looks or grasps.'
  )
  parser = Parser(program, about, '--shapes 20')
  parser.option('shapes', int, 20, 'to choose among')
  parser.option('gallery', int, 120, 'known looks or grasps of each')
  parser.option('trials', int, 10, 'objects to name, of each shape')
  parser.option('seed', int, 0, 'of the objects and poses')
  model = 'a trained model that chooses too, such as apoe-small, or its folder; needs JAX'
  parser.option('model', str, None, model, metavar='MODEL')
  return parser


def _pages(program: str, _: Sequence[str]) -> Parser:
  about = 'Writes a page of each Gymnasium id, made of the code, and films of what they show.'
  parser = Parser(program, about, '--out docs/environments')
  folder = folders.argument('--out')
  parser.option('out', folder, None, 'the folder to write to', required=True)
  return parser


def _doctor(program: str, _: Sequence[str]) -> Parser:
  about = 'Says what this machine can do, and how to install what is missing; some ten seconds.'
  return Parser(program, about, '', usage='')


SHEET = Command('Draws a contact sheet of looks.', _sheet, 'mese_env.__main__:write_sheet')
STATS = Command(
  'Measures the acceptance figures of touch.', _stats, 'mese_env.__main__:print_stats'
)
DOCTOR = Command(
  'Says what this machine can do, and what to install.', _doctor, 'mese_env.doctor:print_findings'
)
MESE = Group(
  'The environment: Shepard-Metzler objects that are looked at and grasped.',
  {
    'sheet': SHEET,
    'grasp': Command(
      'Draws the hand closed on an object.', _grasp, 'mese_env.__main__:write_grasp'
    ),
    'film': Command('Draws the hand closing.', _film, 'mese_env.__main__:write_film'),
    'sensors': Command(
      'Lists the channels of a grasp.', _sensors, 'mese_env.__main__:print_sensors'
    ),
    'stats': STATS,
    'baselines': Command(
      'Says how well simple policies name an object.',
      _baselines,
      'mese_env.__main__:print_baselines',
    ),
    'pages': Command(
      'Writes a page of each Gymnasium id.', _pages, 'mese_env.__main__:write_pages'
    ),
    'doctor': DOCTOR,
  },
  'sheet --out sheet.png',
)
