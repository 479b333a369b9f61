"""What `python -m mese_env` takes; it loads nothing of what it does."""

from collections.abc import Sequence

from mese_env import folders
from mese_env.command import Command, Group
from mese_env.command_line import Parser

_DEFAULT_HAND = 'primitive'


def _sheet(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, 'Draws a contact sheet of looks.', '--out sheet.png')
  file = folders.path_argument('--out')
  parser.option('out', file, None, 'the PNG file to write', required=True, metavar='FILE')
  parser.option('scenes', int, 8, 'rows of the sheet')
  parser.option('seed', int, 0, 'of the scenes')
  parser.option('parts', int, 5, 'cubes per object: 4, 5 or 6')
  parser.option('renderer', str, 'raycast', 'raycast, or mujoco (needs OpenGL)', metavar='NAME')
  return parser


def _stats(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, 'Measures the acceptance figures of touch.', '--scenes 200')
  parser.option('scenes', int, 200, 'objects to grasp 15 times each')
  parser.option('seed', int, 0, 'of the scenes')
  parser.option('hand', str, _DEFAULT_HAND, 'primitive, mesh or fidelity', metavar='NAME')
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
  {'sheet': SHEET, 'stats': STATS, 'doctor': DOCTOR},
  'sheet --out sheet.png',
)
