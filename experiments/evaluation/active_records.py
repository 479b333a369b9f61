"""What is known of policies that choose where to sense. The fields are those of `active.json`.

Dims: B scenes, F sets of senses, P policies, R starts, V views sensed, S senses.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.evaluation import results
from experiments.evaluation.measures import Measure
from experiments.evaluation.statistics import mean_interval
from gmn_jax.senses import Sense

Senses = tuple[Sense, ...]


@dataclasses.dataclass(frozen=True)
class Error:
  """How far off the views held out are.

  Attributes:
    senses: which may be used, as in 'images' or 'images and grasps'.
    policy: which chose.
    views: how many were sensed, of whatever of these senses.
    of: the name of the `Measure`; that of a sense is its mean squared error, on the model's scale.
    own: whether its sense is one of those that may be used.
    error: the number that is measured.
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
    units: of what is measured besides the errors of senses.
  """

  errors: Sequence[Error]
  gains: Sequence[Gain]
  noise: Mapping[str, Sequence[float]]
  milliseconds: Mapping[str, Mapping[str, float]]
  units: Mapping[str, str] = dataclasses.field(default_factory=dict)

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


def error_records(
  found: Mapping[str, np.ndarray],
  senses: Senses,
  families: Mapping[str, Senses],
  policies: Sequence[str],
  measured: Sequence[Measure],
) -> list[Error]:
  """The errors of every policy.

  Args:
    found: `exploring.Course` of all, (B, F, P, R, ...).
    senses: S.
    families: F.
    policies: P.
    measured: what the errors are.
  """
  # Starts are averaged: scenes are what is independent.
  error_BFPVX = found['errors'].mean(axis=3)
  records = []
  for (f, (name, family)), (x, measure), (p, policy), views in itertools.product(
    enumerate(families.items()),
    enumerate(measured),
    enumerate(policies),
    range(found['errors'].shape[4]),
  ):
    of_scenes, sense = error_BFPVX[:, f, p, views, x], measure.sense
    mean, error = results.mean_and_error(of_scenes)
    chosen = (found['chosen'][:, f, p, :, :views] == senses.index(sense)).sum(axis=-1).mean()
    records.append(
      Error(name, policy, views, measure.name, sense in family, float(mean), float(error),
            float(chosen), of_scenes.tolist())
    )  # fmt: skip
  return records


def gain_records(errors: Sequence[Error], reference: str) -> list[Gain]:
  """How far below the policy `reference` the others are, paired by scene."""
  at_random = {(r.senses, r.of, r.views): r for r in errors if r.policy == reference}
  records = []
  for r in errors:
    # The first view is the same for all.
    if r.policy == reference or r.views < 2:
      continue
    usual = at_random[r.senses, r.of, r.views]
    # No part of nothing.
    if not usual.error:
      continue
    parts = (np.array(usual.by_scene) - np.array(r.by_scene)) / usual.error
    interval = mean_interval(parts.tolist())
    assert interval is not None  # There are two scenes or more.
    records.append(
      Gain(r.senses, r.policy, r.views, r.of, interval.mean, interval.low, interval.high)
    )
  return records
