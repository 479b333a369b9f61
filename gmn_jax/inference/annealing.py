"""Annealed importance sampling of an expected weight (Neal 2001), from N(0, I) to N(0, I) w.

Noise e ~ N(0, I) is moved by Hamiltonian Monte Carlo through N(e; 0, I) w(e)^b while b rises from
0 to 1. A chain yields the logarithm of an unbiased estimate of E w(e): in expectation a lower bound
of log E w. A chain that starts at an exact sample of N(0, I) w(e) and goes back yields an upper
bound (bidirectional Monte Carlo: Grosse et al. 2015; Wu et al. 2017).

Step sizes are adapted by a pilot chain and then fixed: were they adapted by the chains that are
measured, their weights would be biased.

Dims: N problems, D numbers of noise, T inverse temperatures, K chains.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.inference.importance import Estimate
from gmn_jax.layers.arrays import takes_numpy
from mese_env.errors import UserError

Array = jax.Array
# Of noise (N, D), the log-weights (N,), nats.
LogWeight = Callable[[Array], Array]

# Half the length of the schedule in logits: how much closer its ends are than its middle.
_ENDS = 2.0
# The acceptance that is aimed at, and how fast the logarithm of a step follows.
_AIM, _RATE = 0.75, 1.0
# A pilot has so many times fewer temperatures than what it is for, but at least so many.
_PILOT, _LEAST_PILOT = 3, 20


class Path(NamedTuple):
  """How noise is moved.

  Attributes:
    betas_T: inverse temperatures, from 0 to 1; the other way round, the way back.
    steps_TN: step size at each of them, of every problem; those of both ends are not used.
    leapfrogs: how many steps are one transition.
  """

  betas_T: Array
  steps_TN: Array
  leapfrogs: int

  def reverse(self) -> 'Path':
    """The way back."""
    return self._replace(betas_T=self.betas_T[::-1], steps_TN=self.steps_TN[::-1])


class Chain(NamedTuple):
  """What a chain yields, (N,) each.

  Attributes:
    log_weight: of the way to 1, log of an unbiased estimate of E w; of the way back, minus the log
      of an unbiased estimate of 1 / E w. Nats.
    first: log w where it started, nats.
    acceptance: the mean over transitions of the probability to be accepted; 1 without any.
  """

  log_weight: Array
  first: Array
  acceptance: Array


class _State(NamedTuple):
  noise_ND: Array
  log_weight_N: Array
  gradient_ND: Array


def require(chains: int, temperatures: int, leapfrogs: int) -> None:
  """Refuses what no estimate can be made of.

  Raises:
    UserError: there is no chain, no step, or not even the two temperatures of both ends.
  """
  for name, value, least in (
    ('chains', chains, 1), ('temperatures', temperatures, 2), ('leapfrogs', leapfrogs, 1)
  ):  # fmt: skip
    if value < least:
      raise UserError(f'{name} is {value}; give at least {least}.')


def inverse_temperatures(count: int) -> Array:
  """From 0 to 1, dense at both ends, (T,)."""
  logits_T = jnp.linspace(-_ENDS, _ENDS, count)
  betas_T = jax.nn.sigmoid(logits_T) - jax.nn.sigmoid(-_ENDS)
  return betas_T / betas_T[-1]


def adapt(
  log_weight: LogWeight, start_ND: Array, key: Array, temperatures: int, leapfrogs: int
) -> Path:
  """The path whose step sizes a pilot chain finds; it has fewer temperatures.

  Args:
    log_weight: nats.
    start_ND: N(0, I).
    key: of the pilot.
    temperatures: T of the path, at least 2.
    leapfrogs: at least 1.

  Raises:
    UserError: there are fewer.
  """
  require(1, temperatures, leapfrogs)
  pilot = max(_LEAST_PILOT, temperatures // _PILOT)
  evaluate = _with_gradient(log_weight)
  # A quarter of the circle on which a transition moves without weights: it forgets all.
  most = math.log(math.pi / 2 / leapfrogs)

  def move(carry, of_step):
    state, log_step_N = carry
    beta, key = of_step
    state, acceptance_N = _move(evaluate, state, beta, jnp.exp(log_step_N), leapfrogs, key)
    log_step_N = jnp.minimum(log_step_N + _RATE * (acceptance_N - _AIM), most)
    return (state, log_step_N), log_step_N

  # At the first temperature nothing depends on the weight where it starts.
  carry = _unweighed(start_ND), jnp.full(len(start_ND), most, start_ND.dtype)
  xs = inverse_temperatures(pilot), jax.random.split(key, pilot)
  _, log_steps_PN = jax.lax.scan(move, carry, xs)
  place_T, place_P = (jnp.linspace(0, 1, count) for count in (temperatures, pilot))
  between = jax.vmap(lambda log_steps_P: jnp.interp(place_T, place_P, log_steps_P), 1, 1)
  betas_T = inverse_temperatures(temperatures).astype(start_ND.dtype)
  return Path(betas_T, jnp.exp(between(log_steps_PN)), leapfrogs)


def anneal(log_weight: LogWeight, start_ND: Array, path: Path, key: Array) -> Chain:
  """One chain along a path.

  Args:
    log_weight: nats.
    start_ND: a sample of where the path starts: N(0, I), or N(0, I) w on the way back.
    path: from `adapt`, or its way back.
    key: of the transitions.
  """
  evaluate = _with_gradient(log_weight)

  def move(carry, of_step):
    state, accepted_N = carry
    beta, step_N, key = of_step
    state, acceptance_N = _move(evaluate, state, beta, step_N, path.leapfrogs, key)
    return (state, accepted_N + acceptance_N), state.log_weight_N

  # A first transition without a step weighs the start, so that the program holds the weight once.
  betas_T = path.betas_T[:-1].at[0].set(0)
  steps_TN = path.steps_TN[:-1].at[0].set(0)
  keys = jax.random.split(key, len(betas_T))
  none_N = jnp.zeros(len(start_ND), start_ND.dtype)
  (_, accepted_N), log_weight_TN = jax.lax.scan(
    move, (_unweighed(start_ND), none_N), (betas_T, steps_TN, keys)
  )
  rise_T = jnp.abs(jnp.diff(path.betas_T))
  transitions = len(betas_T) - 1
  acceptance_N = (accepted_N - 1) / transitions if transitions else accepted_N
  # No matrix product, whose precision some devices lower.
  log_weight_N = jnp.sum(rise_T[:, None] * log_weight_TN, axis=0)
  return Chain(log_weight_N, log_weight_TN[0], acceptance_N)


@takes_numpy
def lower_bound(chains: Chain) -> Estimate:
  """What K chains from N(0, I) say of log E w, from chains (K, N).

  `elbo` is of where they started: the bound without any annealing.
  """
  log_weight_KN = chains.log_weight
  count = len(log_weight_KN)
  log_sum_N = jax.nn.logsumexp(log_weight_KN, axis=0)
  halves = [_log_mean(log_weight_KN[i::2]) for i in range(min(2, count))]
  return Estimate(
    log_likelihood=log_sum_N - math.log(count),
    elbo=chains.first.mean(axis=0),
    effective_samples=jnp.exp(2 * log_sum_N - jax.nn.logsumexp(2 * log_weight_KN, axis=0)),
    scatter=jnp.abs(halves[0] - halves[-1]) / math.sqrt(2),
  )


@takes_numpy
def upper_bound(chains: Chain) -> Array:
  """What K chains back from exact samples say of log E w, (N,), from chains (K, N)."""
  return -_log_mean(-chains.log_weight)


def _log_mean(log_weight_KN: Array) -> Array:
  return jax.nn.logsumexp(log_weight_KN, axis=0) - math.log(len(log_weight_KN))


def _with_gradient(log_weight: LogWeight) -> Callable[[Array], tuple[Array, Array]]:
  def total(noise_ND: Array) -> tuple[Array, Array]:
    log_weight_N = log_weight(noise_ND)
    return log_weight_N.sum(), log_weight_N

  def evaluate(noise_ND: Array) -> tuple[Array, Array]:
    (_, log_weight_N), gradient_ND = jax.value_and_grad(total, has_aux=True)(noise_ND)
    return log_weight_N, gradient_ND

  return evaluate


def _unweighed(noise_ND: Array) -> _State:
  return _State(noise_ND, jnp.zeros_like(noise_ND[:, 0]), jnp.zeros_like(noise_ND))


def _move(
  evaluate, state: _State, beta: Array, step_N: Array, leapfrogs: int, key: Array
) -> tuple[_State, Array]:
  """A transition that leaves N(0, I) w^beta as it is, and its probability to be accepted.

  Without w, noise and momentum go round a circle: that part is exact, and however many numbers of
  noise there are, w alone limits the step.
  """
  key_momentum, key_accept = jax.random.split(key)
  momentum_ND = jax.random.normal(key_momentum, state.noise_ND.shape, state.noise_ND.dtype)
  step_N1 = step_N[:, None]
  cos_N1, sin_N1 = jnp.cos(step_N1), jnp.sin(step_N1)

  def leap(_, carry):
    (noise, _, gradient), momentum = carry
    momentum = momentum + 0.5 * beta * step_N1 * gradient
    noise, momentum = cos_N1 * noise + sin_N1 * momentum, cos_N1 * momentum - sin_N1 * noise
    state = _State(noise, *evaluate(noise))
    return state, momentum + 0.5 * beta * step_N1 * state.gradient_ND

  moved, last_ND = jax.lax.fori_loop(0, leapfrogs, leap, (state, momentum_ND))
  log_ratio_N = _log_density(moved, last_ND, beta) - _log_density(state, momentum_ND, beta)
  # A step that left the numbers that floats have is refused.
  log_ratio_N = jnp.where(jnp.isfinite(log_ratio_N), log_ratio_N, -jnp.inf)
  log_uniform_N = jnp.log(jax.random.uniform(key_accept, log_ratio_N.shape, log_ratio_N.dtype))
  accepted_N = log_uniform_N < log_ratio_N

  def pick(new: Array, old: Array) -> Array:
    return jnp.where(accepted_N.reshape(-1, *(1,) * (new.ndim - 1)), new, old)

  return jax.tree.map(pick, moved, state), jnp.exp(jnp.minimum(log_ratio_N, 0))


def _log_density(state: _State, momentum_ND: Array, beta: Array) -> Array:
  squares_N = jnp.sum(state.noise_ND**2 + momentum_ND**2, axis=1)
  # Where nothing is weighed, a weight of zero counts as any.
  return jnp.where(beta > 0, beta * state.log_weight_N, 0) - 0.5 * squares_N
