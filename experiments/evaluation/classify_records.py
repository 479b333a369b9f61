"""How often the right scene is found, as records: one per direction and context, with means and
standard errors over draws. Their fields are those of `classify.json`.

Dims: D draws, S contexts, P parts of the views held out, B scenes of a draw.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.evaluation import results
from experiments.evaluation.blocks import Block

DIRECTIONS = ('over contexts', 'over targets')
RANKS = (1, 5)


@dataclasses.dataclass(frozen=True)
class Accuracy:
  """How often the right one is among the first, by direction and context; errors over draws."""

  argmax: str
  context: str
  views: int
  top1: float
  top1_error: float
  top5: float
  top5_error: float


@dataclasses.dataclass(frozen=True)
class OwnContext:
  """Bounds on the density of targets given their own scene's context, nats per dimension."""

  context: str
  views: int
  log_likelihood: float
  log_likelihood_error: float
  elbo: float
  elbo_error: float
  effective_samples: float
  effective_samples_error: float


@dataclasses.dataclass(frozen=True)
class Trust:
  """How far the estimates of all pairs can be trusted, by context.

  Attributes:
    context: the senses that give it.
    views: how many of each.
    scatter: standard deviation of an estimate of half as many samples, nats of a target: root mean
      square over pairs.
    scatter_of_own: the same of the targets given their own scene's context.
    acceptance: of annealing, the mean probability of a transition to be accepted.
  """

  context: str
  views: int
  scatter: float
  scatter_of_own: float
  acceptance: float | None = None


@dataclasses.dataclass(frozen=True)
class Classified:
  """All that was measured.

  Attributes:
    chance: of each rank, what guessing reaches.
    accuracy: a record per direction and context.
    own_context: a record per context.
    trust: a record per context.
  """

  chance: Mapping[str, float]
  accuracy: Sequence[Accuracy]
  own_context: Sequence[OwnContext]
  trust: Sequence[Trust]


def hits(log_likelihood: np.ndarray, rank: int) -> np.ndarray:
  """Whether, along the last axis, the candidate of the row's own number is among the first `rank`.

  Args:
    log_likelihood: (..., B, B), a row per question, a column per candidate.
    rank: 1 for the argmax.

  Returns:
    (..., B), in [0, 1]: where candidates tie, the probability under a random order of them.
  """
  own = np.diagonal(log_likelihood, axis1=-2, axis2=-1)[..., None]
  above = (log_likelihood > own).sum(axis=-1)
  level = (log_likelihood == own).sum(axis=-1)
  return np.clip((rank - above) / level, 0, 1)


def accuracy_records(
  log_likelihood: np.ndarray, given: Mapping[tuple[str, int], tuple[int, ...]]
) -> list[Accuracy]:
  """A record per direction and context.

  Args:
    log_likelihood: (D, S, P, B, B), by the scene of the target, then that of the context.
    given: the S contexts, by senses and size.
  """
  records = []
  for direction in DIRECTIONS:
    questions = log_likelihood if direction == 'over contexts' else log_likelihood.swapaxes(-1, -2)
    by_rank = {
      f'top{rank}': results.mean_and_error(hits(questions, rank).mean(axis=(2, 3)))
      for rank in RANKS
    }
    for i, (senses, views) in enumerate(given):
      records.append(Accuracy(direction, senses, views, **_fields(by_rank, i)))
  return records


def own_context_records(
  estimated: Block, given: Mapping[tuple[str, int], tuple[int, ...]], size: int
) -> list[OwnContext]:
  """A record per context.

  Args:
    estimated: what an estimator yields, (D, S, P, B, B), nats and numbers.
    given: the S contexts, by senses and size.
    size: how many numbers a target holds.
  """
  by_field = {}
  for field, scale in (('log_likelihood', size), ('elbo', size), ('effective_samples', 1)):
    own = np.diagonal(estimated[field], axis1=-2, axis2=-1) / scale
    by_field[field] = results.mean_and_error(own.mean(axis=(2, 3)))
  return [
    OwnContext(senses, views, **_fields(by_field, i)) for i, (senses, views) in enumerate(given)
  ]


def trust_records(
  estimated: Block, given: Mapping[tuple[str, int], tuple[int, ...]]
) -> list[Trust]:
  """A record per context; arguments as of `own_context_records`."""

  def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))

  records = []
  for i, (senses, views) in enumerate(given):
    scatter_DPBB = estimated['scatter'][:, i]
    own_DPB = np.diagonal(scatter_DPBB, axis1=-2, axis2=-1)
    accepted = estimated.get('acceptance')
    records.append(
      Trust(
        senses,
        views,
        root_mean_square(scatter_DPBB),
        root_mean_square(own_DPB),
        None if accepted is None else float(accepted[:, i].mean()),
      )
    )
  return records


def _fields(by_name: Mapping[str, tuple[np.ndarray, np.ndarray]], i: int) -> dict[str, float]:
  """Of context `i`, means and standard errors under the names of a record's fields."""
  means = {name: float(mean[i]) for name, (mean, _) in by_name.items()}
  return means | {f'{name}_error': float(error[i]) for name, (_, error) in by_name.items()}
