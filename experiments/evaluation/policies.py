"""Policies: where to sense next. A new one is an object here, in `POLICIES`."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from experiments.evaluation.exploring import Gains, Moment
from gmn_jax.inference import active
from gmn_jax.senses.query import QUERY_SIZE


@dataclasses.dataclass(frozen=True)
class Policy:
  """A way to choose a view.

  Attributes:
    name: in options and results.
    about: what it chooses, in words.
    gains: what each candidate is worth to it.
  """

  name: str
  about: str
  gains: Gains


def _random(moment: Moment) -> list[np.ndarray]:
  return [moment.rng.random(len(taken)) for taken in moment.taken]


def _axis(moment: Moment) -> list[np.ndarray]:
  """1 - the largest |cosine| with what was sensed. The far side of an object has the same outline,
  so that a pose and its antipode are one.
  """
  gains = []
  for sense, taken in zip(moment.senses, moment.taken, strict=True):
    axis_N3 = moment.bench.axes[sense]
    along_NX = np.abs(axis_N3 @ axis_N3[taken].T)
    gains.append(1 - along_NX.max(axis=1, initial=0.0))
  return gains


def _scored_by(score: active.Score) -> Gains:
  def gains(moment: Moment) -> list[np.ndarray]:
    explorer, bench = moment.explorer, moment.bench
    kinds = tuple(map(explorer.kind, moment.senses))
    queries = tuple(bench.candidates.queries[kind[0]][0] for kind in kinds)
    nothing = jnp.zeros((0, QUERY_SIZE))
    targets = tuple(
      query[0] if m.sense in moment.senses else nothing
      for m, query in zip(explorer.run.model.modalities, bench.held_out.queries, strict=True)
    )
    choice = active.Choice(queries, targets, explorer.std)
    told = active.weigh(
      explorer.run.model, score, kinds, explorer.samples, explorer.run.params, moment.seen, choice,
      moment.key,
    )  # fmt: skip
    return [np.asarray(of_kind) for of_kind in told]

  return gains


def _oracle(moment: Moment) -> list[np.ndarray]:
  """The share by which the error of the senses that may be used falls, averaged over these."""
  explorer, bench, seen = moment.explorer, moment.bench, moment.seen
  columns = [explorer.senses.index(sense) for sense in moment.senses]
  now = explorer.errors(bench, seen, None)
  gains = []
  for sense, taken in zip(moment.senses, moment.taken, strict=True):
    after = explorer.after(bench, seen, sense, np.arange(len(taken)))
    gains.append((1 - explorer.errors(bench, after, None) / now)[:, columns].mean(axis=1))
  return gains


_ALL = (
  Policy('random', 'any', _random),
  Policy('axis', 'farthest from the axes along which it was sensed', _axis),
  Policy(
    active.GAUSSIAN.name,
    'where the samples disagree most, log det(I + F F^T / K)',
    _scored_by(active.GAUSSIAN),
  ),
  Policy(
    active.GOAL.name,
    'where the variance of the predictions at the views held out is expected to fall most',
    _scored_by(active.GOAL),
  ),
  Policy(
    active.KL.name,
    'where an imagined outcome moves the belief most; slow, for comparison',
    _scored_by(active.KL),
  ),
  Policy(
    'oracle',
    'where the error of the views held out falls most, which only the truth tells',
    _oracle,
  ),
)
POLICIES: Mapping[str, Policy] = {policy.name: policy for policy in _ALL}
RANDOM = _ALL[0]
