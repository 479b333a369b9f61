"""How log p(X | V, C) is estimated, by the name that `--estimator` gives.

Dims: N questions, L likelihoods.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gmn_jax import inference
from gmn_jax.inference import Likelihood, Posed, importance, noise_space
from gmn_jax.inference.noise_space import PROPOSALS, Annealing
from gmn_jax.model import GMN
from mese_env.errors import UserError, did_you_mean

Array = jax.Array


# Of a model, its parameters, N questions, L likelihoods, a key and how many samples are held at
# once: the fields of `importance.Estimate` and whatever else the estimator says, (L, N) each.
Estimate = Callable[
  [GMN, Any, Posed, tuple[Likelihood, ...], Array, int],
  dict[str, Array],
]


@dataclasses.dataclass(frozen=True)
class Estimator:
  """What estimates log p(X | V, C).

  Attributes:
    count: how many samples or chains an estimate takes, K.
    title: what it is, for notes.
    short: the same, for titles of figures.
    estimate: does it.
    annealing: how it anneals, where it does: then it can tell an upper bound too.
  """

  count: int
  title: str
  short: str
  estimate: Estimate
  annealing: Annealing | None = None


def importance_weighted(samples: int, proposal: str) -> Estimator:
  """Of independent samples of the proposal (Burda et al. 2016), the same for all likelihoods.

  Raises:
    UserError: there is no such proposal.
  """
  noise_space.require_proposal(proposal)
  share = PROPOSALS[proposal]

  def estimate(
    model: GMN,
    params: Any,
    posed: Posed,
    likelihoods: tuple[Likelihood, ...],
    key: Array,
    chunk: int,
  ) -> dict[str, Array]:
    count = len(posed.context.any_NM)

    def log_weight(key: Array) -> Array:
      noise = inference.noise_from(model, key, count)
      part_N = jax.random.uniform(jax.random.fold_in(key, 1), (count,))
      return inference.log_importance_weight(
        model,
        params,
        posed,
        noise,
        likelihoods,
        prior_share=share,
        from_prior_N=part_N < share if share else None,
      )

    return importance.estimate(log_weight, key, samples, chunk)._asdict()

  return Estimator(
    count=samples,
    title=f'the importance-weighted bound with K = {samples} samples of the {proposal}',
    short=f'K = {samples}',
    estimate=estimate,
  )


def annealed(annealing: Annealing) -> Estimator:
  """Of annealed chains in the space of the noise (`gmn_jax/inference/annealing.py`): every
  likelihood has chains of its own, and an `acceptance`.
  """

  def estimate(
    model: GMN,
    params: Any,
    posed: Posed,
    likelihoods: tuple[Likelihood, ...],
    key: Array,
    chunk: int,
  ) -> dict[str, Array]:
    found = []
    for likelihood, key_own in zip(
      likelihoods, jax.random.split(key, len(likelihoods)), strict=True
    ):
      question = noise_space.Question(model, params, posed, likelihood)
      estimated, acceptance = noise_space.estimate(question, annealing, key_own, chunk)
      found.append({**estimated._asdict(), 'acceptance': acceptance})
    return jax.tree.map(lambda *rows: jnp.stack(rows), *found)

  return Estimator(
    count=annealing.chains,
    title=(
      f'annealed importance sampling from the {annealing.proposal}, {annealing.chains} chains of '
      f'{annealing.temperatures} temperatures, leapfrog steps at each: {annealing.leapfrogs}'
    ),
    short=f'AIS of {annealing.chains} x {annealing.temperatures}',
    estimate=estimate,
    annealing=annealing,
  )


def _annealed(options: Any) -> Estimator:
  return annealed(
    Annealing(options.chains, options.temperatures, options.leapfrogs, options.proposal)
  )


def _importance_weighted(options: Any) -> Estimator:
  return importance_weighted(options.samples, options.proposal)


ESTIMATORS: dict[str, Callable[[Any], Estimator]] = {
  'ais': _annealed,
  'iwae': _importance_weighted,
}


def estimator_of(options: Any) -> Estimator:
  """The estimator that a mode's options ask for.

  Raises:
    UserError: there is none of that name, or what it is to take means nothing.
  """
  if options.estimator not in ESTIMATORS:
    near = did_you_mean(options.estimator, list(ESTIMATORS))
    raise UserError(f"there is no estimator '{options.estimator}'; {near}")
  return ESTIMATORS[options.estimator](options)
