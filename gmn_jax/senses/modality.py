"""Modalities: the parts of the senses which the model treats as senses of their own.

The dataset stores whole images and whole haptic vectors; a tuple of `Modality` says how they are
cut, and is all that the model takes. A new one is a few lines::

  thumb = Modality('thumb', HAPTIC, VectorCut(indices=(3, 4, 5, 6)), shape=(4,))
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import jax

from gmn_jax.senses.sense import Grid, Sense
from mese_env.errors import UserError

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Modality:
  """A part of a sense with its own encoder, renderer and expert.

  Attributes:
    name: names its parameters and its metrics.
    sense: which raw sense it is cut from, and so which encoder and renderer it gets.
    cut: maps the scaled sense to this modality's part of it, over any leading dims.
    shape: the result's, without leading dims.
  """

  name: str
  sense: Sense
  cut: Callable[[Array], Array]
  shape: tuple[int, ...]

  def __post_init__(self):
    if not isinstance(self.sense, Sense):
      raise UserError(
        f"modality '{self.name}' is of {self.sense!r}, no sense; give a gmn_jax.senses.Sense, such "
        'as IMAGE or HAPTIC.'
      )
    self.sense.check(self.name, self.shape)

  @property
  def size(self) -> int:
    """How many numbers one view holds."""
    return math.prod(self.shape)


def latent_grid(modalities: Sequence[Modality]) -> Grid:
  """Rows and columns of the latent grid: that which the modalities' shapes ask for, all the same.

  Raises:
    UserError: they ask for several, or for none.
  """
  asked = {m.sense.grid(m.shape) for m in modalities}
  grids = sorted(grid for grid in asked if grid is not None)
  if len(grids) != 1:
    raise UserError(
      f'the modalities {[m.name for m in modalities]} imply the latent grids {grids}; '
      'give them image modalities of one height and width.'
    )
  return grids[0]
