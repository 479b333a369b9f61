"""What was measured of densities and coverage, as records: one per target and context, with means
and standard errors over scenes. Their fields are those of `density.json`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gmn_jax.inference import Likelihood
from gmn_jax.senses import Modality, Sense, senses_of

# By the `views` of each sense, how many are given.
Given = tuple[tuple[str, int], ...]


class Target(NamedTuple):
  """What the density is of.

  Attributes:
    name: of a scale of the sense, such as 'gray', 'rgb' or 'haptic'.
    sense: whose modalities are asked for.
    likelihood: the scale on which they are measured.
    size: how many numbers one view of all of them holds.
  """

  name: str
  sense: Sense
  likelihood: Likelihood
  size: int


@dataclasses.dataclass(frozen=True)
class Density:
  """Of a target given a context, nats per dimension, each with its standard error over scenes.

  Attributes:
    target: the name of a `Target`.
    given: how many views of each sense, by the sense's `views`.
    std: of the likelihood.
    constant: -1/2 log 2 pi std^2, the density where the Gaussian's mean is the truth: what a
      density is below it is signal.
    log_likelihood: the estimate, in expectation a lower bound.
    elbo: the evidence lower bound of the proposal.
    effective_samples: how many of the K samples or chains carry the estimate.
    scatter: standard deviation of an estimate of half as many samples, nats of a whole target: root
      mean square over scenes.
    by_scene: `log_likelihood` of every scene.
    gain: over no context, scene by scene: its error is that of the difference. None if no context
      was not asked for.
    acceptance: of annealing, the mean probability of a transition to be accepted.
    log_likelihood_255: of images, on [0, 255].
  """

  target: str
  given: Mapping[str, int]
  std: float
  constant: float
  log_likelihood: float
  log_likelihood_error: float
  elbo: float
  elbo_error: float
  effective_samples: float
  effective_samples_error: float
  scatter: float
  by_scene: Sequence[float]
  gain: float | None = None
  gain_error: float | None = None
  acceptance: float | None = None
  log_likelihood_255: float | None = None


@dataclasses.dataclass(frozen=True)
class TwoBounds:
  """Both bounds of the density of views that the model imagined, nats per dimension.

  Attributes:
    target: the name of a `Target`.
    given: how many views of each sense, by the sense's `views`.
    lower: as a density is estimated.
    upper: annealed back from the latents of which the views were imagined.
    gap: what the upper one is above the lower one, nats of a whole target.
    scenes: how many there were.
  """

  target: str
  given: Mapping[str, int]
  lower: float
  lower_error: float
  upper: float
  upper_error: float
  gap: float
  gap_error: float
  scenes: int


@dataclasses.dataclass(frozen=True)
class WithoutModel:
  """The density of a target, nats per dimension, that a predictor without a model gives it."""

  target: str
  predictor: str
  log_likelihood: float
  log_likelihood_error: float


@dataclasses.dataclass(frozen=True)
class Coverage:
  """The share of the numbers held out inside the predictive interval of a level.

  Attributes:
    kind: the sense asked for.
    views_of_each: how many views of every modality are given.
    level: probability of the interval.
    coverage: the share.
    coverage_error: its standard error over scenes.
  """

  kind: str
  views_of_each: int
  level: float
  coverage: float
  coverage_error: float


@dataclasses.dataclass(frozen=True)
class Densities:
  """All that was measured.

  Attributes:
    unit: of the densities.
    std: of the likelihood.
    highest: the density of any Gaussian of this std, where it meets the truth.
    density: a record per target and context.
    bounds: of imagined views, a record per target and context.
    without_model: a record per target and predictor.
    coverage: a record per sense, level and context size.
  """

  unit: str
  std: float
  highest: float
  density: Sequence[Density]
  bounds: Sequence[TwoBounds]
  without_model: Sequence[WithoutModel]
  coverage: Sequence[Coverage]


def targets_of(modalities: Sequence[Modality], std: float) -> list[Target]:
  """Every scale of every sense: of images gray, where modalities have all colours, and colour."""
  targets = []
  for sense in senses_of(modalities):
    own = [m for m in modalities if m.sense == sense]
    size = sum(m.size for m in own)
    for scale in sense.scales(sense.name, [m.shape for m in own]):
      likelihood = Likelihood(std, gray=scale.gray)
      targets.append(Target(scale.name, sense, likelihood, size // scale.merged))
  return targets


def has_two_bounds(target: Target) -> bool:
  """Whether views can be imagined of it: as they are sensed, which gray is not."""
  return not target.likelihood.gray and target.likelihood.levels == 1


def as_written(found: Densities) -> dict[str, Any]:
  """The numbers of `density.json`, where a record says by sense how many views are given."""
  written = dataclasses.asdict(found)
  for record in [*written['density'], *written['bounds']]:
    given = record.pop('given')
    of = {name: number for name, number in record.items() if number is not None}
    record.clear()
    record |= {'target': of.pop('target'), **given, **of}
  return written
