"""How log p(X | V, C) is estimated, by the name that `--estimator` gives.

Dims: N questions, L likelihoods.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from gmn_jax import inference
from gmn_jax.inference import Likelihood, Posed, importance, noise_space
from gmn_jax.inference.noise_space import PROPOSALS, Annealing
from gmn_jax.model import GMN
from mese_env.errors import UserError, did_you_mean

Array = jax.Array


class Estimator(Protocol):
  """What estimates log p(X | V, C)."""

  @property
  def count(self) -> int:
    """How many samples or chains an estimate takes."""
    ...

  @property
  def title(self) -> str:
    """What it is, for notes."""
    ...

  @property
  def short(self) -> str:
    """The same, for titles of figures."""
    ...

  @property
  def annealing(self) -> Annealing | None:
    """How it anneals, where it does: then it can tell an upper bound too."""
    ...

  def estimate(
    self,
    model: GMN,
    params: Any,
    posed: Posed,
    likelihoods: tuple[Likelihood, ...],
    key: Array,
    chunk: int,
  ) -> dict[str, Array]:
    """The fields of `importance.Estimate` and whatever else it says, (L, N) each.

    Args:
      model: the network.
      params: its parameters.
      posed: the N questions.
      likelihoods: the scales on which views are measured.
      key: decides the samples.
      chunk: how many of them are held at once.
    """
    ...


@dataclasses.dataclass(frozen=True)
class ImportanceWeighted:
  """Independent samples of the proposal (Burda et al. 2016)."""

  samples: int
  proposal: str

  @property
  def count(self) -> int:
    """K."""
    return self.samples

  @property
  def title(self) -> str:
    """What it is."""
    return f'the importance-weighted bound with K = {self.samples} samples of the {self.proposal}'

  @property
  def short(self) -> str:
    """The same, shorter."""
    return f'K = {self.samples}'

  @property
  def annealing(self) -> None:
    """It does not."""
    return None

  def estimate(
    self,
    model: GMN,
    params: Any,
    posed: Posed,
    likelihoods: tuple[Likelihood, ...],
    key: Array,
    chunk: int,
  ) -> dict[str, Array]:
    """All likelihoods are measured of the same samples; as `Estimator.estimate`."""
    share, count = PROPOSALS[self.proposal], len(posed.context.any_NM)

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

    return importance.estimate(log_weight, key, self.samples, chunk)._asdict()


@dataclasses.dataclass(frozen=True)
class Annealed:
  """Annealed importance sampling in the space of the noise (`gmn_jax/inference/annealing.py`)."""

  annealing: Annealing

  @property
  def count(self) -> int:
    """K."""
    return self.annealing.chains

  @property
  def title(self) -> str:
    """What it is."""
    annealing = self.annealing
    return (
      f'annealed importance sampling from the {annealing.proposal}, {annealing.chains} chains of '
      f'{annealing.temperatures} temperatures, leapfrog steps at each: {annealing.leapfrogs}'
    )

  @property
  def short(self) -> str:
    """The same, shorter."""
    return f'AIS of {self.annealing.chains} x {self.annealing.temperatures}'

  def estimate(
    self,
    model: GMN,
    params: Any,
    posed: Posed,
    likelihoods: tuple[Likelihood, ...],
    key: Array,
    chunk: int,
  ) -> dict[str, Array]:
    """Every likelihood has chains of its own, and an `acceptance`; as `Estimator.estimate`."""
    found = []
    for likelihood, key_own in zip(
      likelihoods, jax.random.split(key, len(likelihoods)), strict=True
    ):
      question = noise_space.Question(model, params, posed, likelihood)
      estimated, acceptance = noise_space.estimate(question, self.annealing, key_own, chunk)
      found.append({**estimated._asdict(), 'acceptance': acceptance})
    return jax.tree.map(lambda *rows: jnp.stack(rows), *found)


def _annealed(options: Any) -> Annealed:
  return Annealed(
    Annealing(options.chains, options.temperatures, options.leapfrogs, options.proposal)
  )


def _importance_weighted(options: Any) -> ImportanceWeighted:
  noise_space.require_proposal(options.proposal)
  return ImportanceWeighted(options.samples, options.proposal)


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
