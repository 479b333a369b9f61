"""What is known of policies that choose where to sense. The fields are those of `active.json`."""

import dataclasses
from collections.abc import Mapping, Sequence

from gmn_jax.senses import Sense

Senses = tuple[Sense, ...]


@dataclasses.dataclass(frozen=True)
class Error:
  """How far off the views held out are.

  Attributes:
    senses: which may be used, as in 'images' or 'images and grasps'.
    policy: which chose.
    views: how many were sensed, of whatever of these senses.
    of: the name of the sense that is measured.
    own: whether it is one of those that may be used.
    error: mean squared error, on the scale of the model.
    error_error: its standard error over scenes.
    chosen: how many of the views were of the sense measured, on average.
    by_scene: `error` of every scene, averaged over its starts.
  """

  senses: str
  policy: str
  views: int
  of: str
  own: bool
  error: float
  error_error: float
  chosen: float
  by_scene: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Gain:
  """How much lower the error is than with random views of the same scenes and starts.

  Attributes:
    senses: as of `Error`.
    policy: as of `Error`.
    views: as of `Error`.
    of: as of `Error`.
    below: the mean difference, in parts of the mean error of random views; above 0 is better.
    low: of its interval over scenes, paired.
    high: likewise.
  """

  senses: str
  policy: str
  views: int
  of: str
  below: float
  low: float
  high: float


@dataclasses.dataclass(frozen=True)
class Explored:
  """All that was found.

  Attributes:
    errors: of every policy.
    gains: of every policy but the random one.
    noise: per modality the standard deviation by channel that the scores take views to have.
    milliseconds: by policy the median time of a decision, by the senses that may be used.
  """

  errors: Sequence[Error]
  gains: Sequence[Gain]
  noise: Mapping[str, Sequence[float]]
  milliseconds: Mapping[str, Mapping[str, float]]

  def select(self, senses: str, of: str, policy: str) -> list[Error]:
    """The errors of a policy, by the number of views."""
    wanted = (senses, of, policy)
    return [r for r in self.errors if (r.senses, r.of, r.policy) == wanted]


def name_of(senses: Senses) -> str:
  """As in 'images and grasps'."""
  return ' and '.join(sense.views for sense in senses)


def families_of(senses: Senses) -> dict[str, Senses]:
  """What may be used, by its name: each sense alone, and all."""
  alone = [(sense,) for sense in senses]
  return {name_of(family): family for family in [*alone, senses]}
