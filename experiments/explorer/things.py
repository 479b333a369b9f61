"""The objects: what they look like from anywhere, and what a hand feels of them; computed once.

Dims: Q cameras, S side of an image.
"""

import functools

import numpy as np

from experiments.explorer.state import OBJECTS, State
from experiments.explorer.ways import GRASP, LOOK, Angles, Given
from mese_env import World, sample_object
from mese_env.errors import UserError
from mese_env.grasp import MAX_READING

RANKED = 10  # objects among which the true one is looked for
# Cameras all around, by which an object is drawn; the first eight are those of strips and errors.
AROUND = tuple(Angles(pitch, yaw) for pitch in (-30, 30) for yaw in range(0, 360, 45))
STRIP = 8
# Poses among which the next look or grasp is chosen, a hand's and an eye's alike.
CANDIDATES = tuple(
  Angles(pitch, yaw) for pitch in (-70, -35, 0, 35, 70) for yaw in range(0, 360, 45)
)
_KEPT = 4096  # of looks and readings: a few tens of megabytes


@functools.lru_cache(maxsize=128)
def world(number: int, cubes: int) -> World:
  """The object of a number, as the lines of Python make it."""
  return World(sample_object(cubes, np.random.default_rng(number), 'held_out'))


@functools.lru_cache(maxsize=_KEPT)
def look(number: int, cubes: int, angles: Angles) -> np.ndarray:
  """What a camera sees, uint8 (S, S, 3)."""
  return world(number, cubes).look(LOOK.pose(angles))


@functools.lru_cache(maxsize=_KEPT)
def grasp(number: int, cubes: int, angles: Angles) -> np.ndarray:
  """What a hand feels, (132,).

  Raises:
    UserError: the hand presses harder than datasets allow; no model has felt that.
  """
  touch = world(number, cubes).grasp(GRASP.pose(angles))
  if touch.rejected:
    raise UserError(
      f'a hand from there presses harder than {MAX_READING:.0f} N, which no model has felt; move '
      'the eye a little and grasp again.'
    )
  return touch.reading


def sensed(state: State, given: Given) -> np.ndarray:
  """What a look or a grasp finds; errors as of `grasp`."""
  sense = grasp if given.way == GRASP else look
  return sense(state.object, state.cubes, given.angles)


@functools.lru_cache(maxsize=128)
def strip(number: int, cubes: int) -> np.ndarray:
  """The looks of `AROUND` by which errors are measured, uint8 (8, S, S, 3)."""
  return np.stack([look(number, cubes, angles) for angles in AROUND[:STRIP]])


def ranked(state: State) -> list[np.ndarray]:
  """The strips of ten objects, the true one first."""
  numbers = [(state.object + i) % OBJECTS for i in range(RANKED)]
  return [strip(number, state.cubes) for number in numbers]
