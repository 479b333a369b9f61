"""The explorer as a film, without a page: a belief grows by one look or grasp after another.

The eye goes around meanwhile, so that what is imagined and the truth are seen from all sides.
"""

import functools
import pathlib

import numpy as np
from PIL import Image, ImageDraw

from experiments.explorer import things
from experiments.explorer.pictures import BACKGROUND, EYE, TEXT, enlarge, font
from experiments.explorer.state import State
from experiments.explorer.studio import Answer, Studio
from experiments.explorer.ways import GRASP, LOOK, Angles, Given
from experiments.explorer.words import COLOURS, PRIOR, count
from mese_env import picture
from mese_env.errors import UserError
from mese_env.image_files import write_gif

FRAME_MS, LAST_MS = 90, 1500
_FRAMES = 10  # for each look and grasp more
_TURN = 6  # degrees that the eye goes on each frame
_SIDE, _SMALL, _GAP = 196, 50, 12  # pixels
_TITLE, _BAR = 30, 40
WIDTH = 3 * _SIDE + 4 * _GAP
HEIGHT = 2 * _TITLE + _SIDE + _SMALL + _BAR + 2 * _GAP
# What is given where the address gives nothing: touch first, which tells shapes and no colours.
_STORY = (
  Given(GRASP, Angles(-20, 300)),
  Given(GRASP, Angles(-10, 180)),
  Given(GRASP, Angles(-35, 60)),
  Given(LOOK, Angles(-30, 40)),
  Given(LOOK, Angles(-20, 160)),
  Given(LOOK, Angles(10, 280)),
)


def record(studio: Studio, state: State, path: pathlib.Path) -> int:
  """Writes the film of a state, from nothing given to all that is.

  Args:
    studio: that answers.
    state: whose looks and grasps are told; where it has none, three of each.
    path: of the GIF.

  Returns:
    How many frames it has.

  Raises:
    UserError: a grasp is too forceful, the model lacks a sense, or the file cannot be written.
  """
  told = state.given or tuple(one for one in _STORY if _possible(state, one))
  frames, eye = [], state.eye
  for number in range(len(told) + 1):
    now = state.replace(given=told[:number])
    answer = studio.answer(now)
    given = _given(now)
    for _ in range(_FRAMES):
      frames.append(_frame(studio, now.replace(eye=eye), given, answer))
      eye = Angles(eye.pitch, (eye.yaw + _TURN) % 360)
  write_gif(frames, path, FRAME_MS, LAST_MS, dither=True)
  return len(frames)


def _possible(state: State, given: Given) -> bool:
  try:
    things.sensed(state, given)
  except UserError:
    return False
  return True


def _given(state: State) -> list[np.ndarray]:
  """A picture of each look and of each grasp, the last one first."""
  return [_picture(state.object, state.cubes, one) for one in reversed(state.counted)]


@functools.lru_cache
def _picture(number: int, cubes: int, given: Given) -> np.ndarray:
  if given.way == LOOK:
    return things.look(number, cubes, given.angles)
  world = things.world(number, cubes)
  world.grasp(GRASP.pose(given.angles))
  return world.picture(picture.best_camera(world.model, world.data), _SIDE)


def _frame(studio: Studio, state: State, given: list[np.ndarray], answer: Answer) -> np.ndarray:
  glance = studio.glance(state)
  canvas = Image.new('RGB', (WIDTH, HEIGHT), BACKGROUND)
  pen = ImageDraw.Draw(canvas)
  pen.text((_GAP, _GAP - 4), f'The model was given: {count(state)}', TEXT, font(17))
  ranked = f'the true object: number {answer.rank} of {things.RANKED} by likeness'
  pen.text((WIDTH - _GAP, _GAP), ranked, TEXT, font(13), anchor='ra')
  last = given[0] if given else np.full((_SIDE, _SIDE, 3), BACKGROUND, np.uint8)
  columns = (
    (_last(state), last, TEXT),
    ('It imagines, from any side', glance.imagined.mean(axis=0), EYE),
    ('The truth', glance.truth, TEXT),
  )
  top = 2 * _TITLE
  for number, (title, shown, colour) in enumerate(columns):
    left = _GAP + number * (_SIDE + _GAP)
    pen.text((left, _TITLE + 8), title, colour, font(13))
    canvas.paste(Image.fromarray(enlarge(shown, _SIDE)), (left, top))
    pen.rectangle((left - 1, top - 1, left + _SIDE, top + _SIDE), outline=(60, 64, 72))
  top += _SIDE + _GAP
  for number, shown in enumerate(given[1:12]):
    canvas.paste(Image.fromarray(enlarge(shown, _SMALL)), (_GAP + number * (_SMALL + 4), top))
  if not isinstance(answer.shares, str):
    _draw_shares(pen, top + _SMALL + 6, answer.shares)
  return np.asarray(canvas)


def _last(state: State) -> str:
  if not state.counted:
    return 'Nothing yet'
  return f'The last {state.counted[-1].way.name}'


def _draw_shares(pen: ImageDraw.ImageDraw, top: int, shares: dict[str, float]) -> None:
  left, whole = float(_GAP), WIDTH - 2 * _GAP
  for number, (name, share) in enumerate(shares.items()):
    colour = PRIOR if name == 'prior' else COLOURS[number % len(COLOURS)]
    pen.rectangle((left, top, left + max(share * whole - 2, 0), top + 8), colour)
    if share > 0.1:
      pen.text((left, top + 10), f'{name} {share:.0%} of the precision', TEXT, font(12))
    left += share * whole
