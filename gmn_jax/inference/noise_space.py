"""log p(X | V, C) as the expected weight of the noise from which latents are drawn, annealed.

z(noise) is a sample of a proposal: of the posterior, of the prior, or of a mixture of both, in
which every chain keeps the part that its noise is for. Any variant has such a noise, with any
number of draw steps, so that annealing (`annealing.py`) asks nothing else of a model.

Dims: N problems, D numbers of noise, K chains, T inverse temperatures, M modalities, W views.
"""

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.inference import annealing
from gmn_jax.inference.annealing import Chain, Path
from gmn_jax.inference.density import (
  Likelihood,
  Posed,
  Seen,
  log_importance_weight,
  sample_posterior_given,
  sample_prior_given,
)
from gmn_jax.inference.generation import render
from gmn_jax.inference.importance import Estimate
from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.model import GMN, Noise, apply, sample_noise, sum_views
from gmn_jax.senses.views import Views
from mese_env.errors import UserError, did_you_mean

Array = jax.Array

# By the name of a proposal, the share of the prior in it. The equal mixture is never worse than the
# better of both by more than log 2.
PROPOSALS = {'posterior': 0.0, 'prior': 1.0, 'mixture': 0.5}


@dataclasses.dataclass(frozen=True)
class Annealing:
  """How log p(X | V, C) is annealed.

  Attributes:
    chains: K.
    temperatures: T, both ends among them.
    leapfrogs: gradients between two temperatures.
    proposal: of `PROPOSALS`, where chains start.

  Raises:
    UserError: there is no such proposal, or too few of the others.
  """

  chains: int
  temperatures: int
  leapfrogs: int = 1
  proposal: str = 'posterior'

  def __post_init__(self):
    annealing.require(self.chains, self.temperatures, self.leapfrogs)
    require_proposal(self.proposal)

  @property
  def prior_share(self) -> float:
    """Of the prior in the proposal."""
    return PROPOSALS[self.proposal]


def require_proposal(name: str) -> None:
  """Refuses a proposal that there is not.

  Raises:
    UserError: there is none of that name.
  """
  if name not in PROPOSALS:
    raise UserError(f"there is no proposal '{name}'; {did_you_mean(name, list(PROPOSALS))}")


class Question(NamedTuple):
  """Whose density is asked for: a model's, of the views `posed`, on the scale of `likelihood`."""

  model: GMN
  params: Any
  posed: Posed
  likelihood: Likelihood

  @property
  def problems(self) -> int:
    """N."""
    return len(self.posed.context.any_NM)


class Bounds(NamedTuple):
  """log p(X | V, C) of views that the model imagined, (N,) each, nats, from both sides."""

  lower: Array
  upper: Array


class _Annealer(NamedTuple):
  """The paths of noise for the posterior and for the prior, where the proposal has them."""

  question: Question
  settings: Annealing
  of_posterior: Path | None
  of_prior: Path | None

  def run(self, start_ND: Array, from_prior_N: Array, key: Array, back: bool = False) -> Chain:
    path = self._path(from_prior_N)
    log_weight = functools.partial(
      _log_weight, self.question, self.settings.prior_share, from_prior_N
    )
    return annealing.anneal(log_weight, start_ND, path.reverse() if back else path, key)

  def _path(self, from_prior_N: Array) -> Path:
    if self.of_posterior is None or self.of_prior is None:
      (path,) = (path for path in (self.of_posterior, self.of_prior) if path is not None)
      return path
    steps_TN = jnp.where(from_prior_N, self.of_prior.steps_TN, self.of_posterior.steps_TN)
    return self.of_posterior._replace(steps_TN=steps_TN)


@takes_numpy
def estimate(
  question: Question, settings: Annealing, key: Array, chunk: int
) -> tuple[Estimate, Array]:
  """log p(X | V, C) from below, and the mean acceptance of transitions, (N,).

  Args:
    question: N of them.
    settings: of the chains.
    key: decides everything; chain k is of `jax.random.fold_in`, whatever the chunk.
    chunk: how many chains are held at once.
  """
  key_pilot, key_chains = jax.random.split(key)
  chains = _forth(_annealer(question, settings, key_pilot), key_chains, chunk)
  return annealing.lower_bound(chains), chains.acceptance.mean(axis=0)


@takes_numpy
def bounds_of_imagined(question: Question, settings: Annealing, key: Array, chunk: int) -> Bounds:
  """Both bounds for views that the model imagines in the place of those asked for.

  They are rendered from a sample of the prior given the context, with noise of the likelihood's
  standard deviation: to them that sample is one of the true posterior.

  Arguments as of `estimate`; the likelihood must be of the numbers as they are sensed.

  Raises:
    UserError: it is not: gray values do not tell what the colours were.
  """
  if question.likelihood.gray or question.likelihood.levels != 1:
    raise UserError('views are imagined as they are sensed; ask for no gray, and for levels of 1.')
  keys = jax.random.split(key, 5)
  question, noise = imagine(question, keys[0])
  start_ND, from_prior_N = exact_start(question, noise, settings.prior_share, keys[1])
  annealer = _annealer(question, settings, keys[2])
  lower = annealing.lower_bound(_forth(annealer, keys[3], chunk))

  def run(number: Array) -> Chain:
    return annealer.run(start_ND, from_prior_N, jax.random.fold_in(keys[4], number), back=True)

  chains = jax.lax.map(run, jnp.arange(settings.chains), batch_size=chunk)
  return Bounds(lower.log_likelihood, annealing.upper_bound(chains))


def imagine(question: Question, key: Array) -> tuple[Question, Noise]:
  """The question of views that the model imagines, and the prior's noise of their latents."""
  model, params, posed, likelihood = question
  key_latents, *keys = jax.random.split(key, 1 + len(model.modalities))
  noise = sample_noise(model, key_latents, question.problems)
  draw = sample_prior_given(model, params, posed.context, noise)
  means = render(model, params, draw.z, posed.truth.queries)
  senses = tuple(
    mean + likelihood.std * jax.random.normal(key, mean.shape, mean.dtype)
    for key, mean in zip(keys, means, strict=True)
  )
  views = Views(senses, posed.truth.queries)
  seen = Seen(_sums(model, params, views), posed.target.any_NM)
  return question._replace(posed=Posed(posed.context, seen, views)), noise


def exact_start(
  question: Question, noise: Noise, prior_share: float, key: Array
) -> tuple[Array, Array]:
  """The noise from which a proposal draws what the prior drew from `noise`, (N, D), and which of
  the proposal's two parts it is for, (N,): given those latents, as likely as that part's density.
  """
  model, params, posed, _ = question
  from_prior_N = jnp.ones(len(noise.latents), bool)
  draw, log_ratio_N = sample_posterior_given(
    model, params, posed.context, posed.target, noise, from_prior_N
  )
  assert draw.posterior is not None
  mean, logvar = draw.posterior
  own = Noise((draw.z - mean) * jnp.exp(-0.5 * logvar), draw.representation_noise)
  if prior_share in (0, 1):
    chosen_N = jnp.full_like(from_prior_N, bool(prior_share))
  else:
    logit_N = log_ratio_N + math.log(prior_share / (1 - prior_share))
    chosen_N = jax.random.bernoulli(key, jax.nn.sigmoid(logit_N))
  return jnp.where(chosen_N[:, None], _flatten(noise), _flatten(own)), chosen_N


def unflatten(model: GMN, noise_ND: Array) -> Noise:
  """The noise of N problems from their numbers in a row."""
  count = len(noise_ND)
  shape = model.latents_shape(count)
  size = math.prod(shape[1:])
  latents = noise_ND[:, :size].reshape(shape)
  if not model.hierarchical:
    return Noise(latents)
  return Noise(latents, noise_ND[:, size:].reshape(model.representations_shape(count)))


def _annealer(question: Question, settings: Annealing, key: Array) -> _Annealer:
  keys = jax.random.split(key)
  share, paths = settings.prior_share, []
  for part, key_part in zip((share < 1, share > 0), keys, strict=True):
    if not part:
      paths.append(None)
      continue
    from_prior_N = jnp.full(question.problems, bool(paths))
    key_start, key_moves = jax.random.split(key_part)
    paths.append(
      annealing.adapt(
        functools.partial(_log_weight, question, share, from_prior_N),
        _normal(question, key_start),
        key_moves,
        settings.temperatures,
        settings.leapfrogs,
      )
    )
  return _Annealer(question, settings, *paths)


def _forth(annealer: _Annealer, key: Array, chunk: int) -> Chain:
  """Chains (K, N) from N(0, I); of a mixture, as near to its shares as K allows."""
  question, settings = annealer.question, annealer.settings
  key_place, key_chains = jax.random.split(key)
  place_N = jax.random.uniform(key_place, (question.problems,))

  def run(number: Array) -> Chain:
    from_prior_N = (number + place_N) / settings.chains < settings.prior_share
    key_start, key_moves = jax.random.split(jax.random.fold_in(key_chains, number))
    return annealer.run(_normal(question, key_start), from_prior_N, key_moves)

  return jax.lax.map(run, jnp.arange(settings.chains), batch_size=chunk)


def _log_weight(
  question: Question, prior_share: float, from_prior_N: Array, noise_ND: Array
) -> Array:
  model, params, posed, likelihood = question
  return log_importance_weight(
    model,
    params,
    posed,
    unflatten(model, noise_ND),
    (likelihood,),
    prior_share=prior_share,
    from_prior_N=from_prior_N if prior_share else None,
  )[0]


def _normal(question: Question, key: Array) -> Array:
  return _flatten(sample_noise(question.model, key, question.problems))


def _flatten(noise: Noise) -> Array:
  parts = [part for part in noise if part is not None]
  return jnp.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _sums(model: GMN, params: Any, views: Views) -> tuple[Array, ...]:
  """Per modality the sum of the encodings of all views, (N, h, w, R)."""
  there = [query.shape[1] > 0 for query in views.queries]

  def filled(part: tuple[Array, ...]) -> tuple[Array, ...]:
    # Of a modality without views one is encoded, and not counted.
    return tuple(
      x if some else jnp.zeros((len(x), 1, *x.shape[2:]), x.dtype)
      for x, some in zip(part, there, strict=True)
    )

  encoded = apply(model, params, Views(*map(filled, views)), method='encode')
  return tuple(
    sum_views(r, jnp.full((1, *r.shape[:2]), some))[0]
    for r, some in zip(encoded, there, strict=True)
  )
