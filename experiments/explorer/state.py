"""What one visitor has chosen and done: all that is needed to show the same page again."""

import dataclasses
from typing import Any

from experiments.explorer.ways import LOOK, Angles, Given
from mese_env.errors import UserError
from mese_env.objects import SHEPARD_METZLER

OBJECTS = 1000  # that are numbered; all of cell sets that no training has seen
CUBES = SHEPARD_METZLER.parts
SAMPLES = (4, 8, 16)  # a program is compiled for each
SEEDS = 1000
MOST_GIVEN = 30  # looks and grasps together: as many as a scene of a dataset has

_FIRST_EYE = Angles(-30, 40)


@dataclasses.dataclass(frozen=True)
class State:
  """A state of the page; every change makes another one.

  Attributes:
    model: its name.
    object: its number, below `OBJECTS`.
    cubes: of the object.
    given: the looks and grasps, in the order in which they were given.
    eye: from where the visitor looks at belief and truth.
    samples: of the belief, one of `SAMPLES`.
    seed: that decides the samples.
    blindfold: whether looks do not count.
    truth: whether the true cubes are shown instead of what is imagined.
  """

  model: str
  object: int = 50  # of plain colours and a shape that is soon recognised
  cubes: int = 5
  given: tuple[Given, ...] = ()
  eye: Angles = _FIRST_EYE
  samples: int = 8
  seed: int = 0
  blindfold: bool = False
  truth: bool = False

  @property
  def counted(self) -> tuple[Given, ...]:
    """What the model knows of what was given."""
    return tuple(one for one in self.given if not (self.blindfold and one.way == LOOK))

  def give(self, given: Given) -> 'State':
    """With a look or a grasp more.

    Raises:
      UserError: there are as many as a scene has, or looks do not count.
    """
    if len(self.given) == MOST_GIVEN:
      raise UserError(f'{MOST_GIVEN} looks and grasps are given; undo some, or take a new object.')
    if self.blindfold and given.way == LOOK:
      raise UserError('the model is blindfolded; take the blindfold off to give it a look.')
    return self.replace(given=(*self.given, given))

  def undo(self) -> 'State':
    """Without the last look or grasp.

    Raises:
      UserError: nothing is given.
    """
    if not self.given:
      raise UserError('nothing is given yet; there is nothing to undo.')
    return self.replace(given=self.given[:-1])

  def take(self, number: int, cubes: int) -> 'State':
    """Of another object, of which nothing is given."""
    if (number, cubes) == (self.object, self.cubes):
      return self
    return self.replace(object=number % OBJECTS, cubes=cubes, given=())

  def replace(self, **fields: Any) -> 'State':
    """With other fields."""
    return dataclasses.replace(self, **fields)
