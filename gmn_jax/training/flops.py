"""The arithmetic of a training step by formula: multiplications of the convolutions and matrices.

`plain` is the model as the authors' code runs it; `hoisted` is the same result with what is
constant over the draw steps, or asked for twice, computed once. Activations, sums, losses and the
optimiser are not counted: they are below a hundredth.

Dims: S episodes of a scene (2 with its swap), V views, M modalities, E experts, T draw steps, h w
latent grid, L hidden and R = 4 L representation channels, Z latent channels, Q query numbers.
"""

import math
from typing import NamedTuple

from gmn_jax.model import GMN
from gmn_jax.senses.modality import Modality

_QUERY = 7
_TAPS = 25  # of the 5x5 kernels of experts and renderers


class Macs(NamedTuple):
  """Multiply-accumulates of one forward pass of a scene."""

  encoders: float
  experts: float
  renderers: float

  @property
  def total(self) -> float:
    """Of all three."""
    return sum(self)


def step_flops(macs: Macs, scenes: int) -> float:
  """Floating-point operations of a training step of `scenes` scenes.

  Two for each multiply-accumulate, and the backward pass twice the forward one.
  """
  return 6 * macs.total * scenes


def plain(model: GMN, views: int, opposite: bool) -> Macs:
  """The authors' form: every episode encodes its own views, every draw step convolves all inputs.

  Args:
    model: the network.
    views: V, of each modality.
    opposite: whether each scene is trained with context and target exchanged too.
  """
  episodes = 2 if opposite else 1
  L, R, Z, T = model.width, 4 * model.width, model.latent, model.steps
  cells = math.prod(model.grid)
  experts, one_hot = _experts(model)
  gates = (2 * R + one_hot + 2 * L) + (Z + R + one_hot + L)
  heads = 4 * Z  # mean and log-variance, posterior and prior
  expert = T * cells * _TAPS * (gates * 4 * L + L * heads)
  # With the swap every view is a target once; without it, at random, half of the time.
  targets = views if opposite else views / 2
  renderers = 0.0
  for modality in model.modalities:
    step = cells * _TAPS * (T * Z + _QUERY + L) * 4 * L
    step += _decode(modality, cells, L) + _last(modality, cells, L)
    renderers += targets * T * step
  # An episode encodes all its views, some as context and the others as targets.
  encoders = sum(episodes * views * _encode(m, cells, L, folded=False) for m in model.modalities)
  return Macs(encoders, episodes * experts * expert, renderers)


def hoisted(model: GMN, views: int, opposite: bool) -> Macs:
  """The form of `gmn_jax`: constants once, every view encoded once, the first zero state skipped.

  Arguments as in `plain`.
  """
  episodes = 2 if opposite else 1
  L, R, Z, T = model.width, 4 * model.width, model.latent, model.steps
  cells = math.prod(model.grid)
  experts, one_hot = _experts(model)
  border = 2 * cells * one_hot * 4 * L
  constant = cells * _TAPS * 3 * R * 4 * L
  of_prior = (T - 1) * (2 * 4 * L + 2 * Z)  # to its own gates and heads, and the posterior's gates
  of_posterior = (T - 1) * 4 * L + T * 2 * Z
  of_z = (T - 1) * Z * 4 * L
  expert = constant + cells * _TAPS * (L * (of_prior + of_posterior) + of_z)
  renderers = 0.0
  for modality in model.modalities:
    renderers += episodes * cells * _TAPS * T * Z * 4 * L
    gates = (T - 1) * cells * _TAPS * L * 4 * L + cells * _QUERY * 4 * L
    # All views are rendered, whichever are targets: a mask weighs them.
    renderers += views * (gates + T * _decode(modality, cells, L) + _last(modality, cells, L))
  encoders = sum(views * _encode(m, cells, L, folded=True) for m in model.modalities)
  # The one-hots' response is computed once for all episodes of a batch; its sum is not counted.
  return Macs(encoders, episodes * experts * expert + border, renderers)


def _experts(model: GMN) -> tuple[int, int]:
  """E and the length of the one-hot."""
  experts = 1 if model.variant == 'baseline' else len(model.modalities)
  return experts, experts if model.variant == 'apoe' else 0


def _encode(modality: Modality, cells: int, L: int, folded: bool) -> float:
  """Of one view; `folded`: with the residuals' skip in the main kernel, queries in closed form."""
  if modality.kind == 'haptic':
    residuals = (8 * L) * (4 * L) + (8 * L + _QUERY) * (4 * L)
    dense = modality.size * 8 * L + 2 * (4 * L) * (8 * L) + (8 * L) * (4 * L) * cells
    return dense + (1 if folded else 2) * residuals
  taps = 9 if folded else 10
  query = 0 if folded else _QUERY
  half = 4 * cells  # pixels after the first halving
  first = half * (4 * modality.shape[-1] * 4 * L + taps * 4 * L * 2 * L)
  second = cells * (4 * 2 * L * 4 * L + taps * (4 * L + query) * 2 * L)
  return (
    first
    + second
    + cells * 9 * (2 * L * 4 * L + 4 * L * 4 * L)
    + (cells * _QUERY * 2 * L if folded else 0)
  )


def _decode(modality: Modality, cells: int, L: int) -> float:
  """Of a hidden state, before the last layer."""
  if modality.kind == 'haptic':
    return cells * L * 8 * L + (8 * L) ** 2
  return cells * _TAPS * L * (L // 2) + cells * 16 * (L // 2) * L


def _last(modality: Modality, cells: int, L: int) -> float:
  if modality.kind == 'haptic':
    return 8 * L * modality.size
  return 4 * cells * 16 * L * modality.shape[-1]
