"""Poolings: how representations become experts, and what the experts believe one belief.

This is all in which the paper's three variants differ; another one is another `Pooling`.

Dims: M modalities, E experts, N episodes, h w latent grid, R representation channels.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gmn_jax.model import gaussians
from mese_env.errors import UserError

Array = jax.Array
# Of means and log-variances (E, ...) and of who takes part, broadcastable to them or None for all:
# mean and log-variance (...) of one Gaussian.
Combine = Callable[[Array, Array, Array | None], tuple[Array, Array]]


@dataclasses.dataclass(frozen=True)
class Pooling:
  """How the modalities' representations become a belief.

  Attributes:
    name: in configs and results.
    title: for people.
    shared: one set of parameters for all experts, instead of one each.
    identify: feed each expert its one-hot of length E.
    summed: one expert on the sum of the representations, instead of one for each modality.
    mask_absent: what a modality without a view does. False: its expert still multiplies, fed the
      learned initial representation (the authors' code). True: it takes no part (the paper's Eq. 2
      and 5), unless all are absent. A config sets it, by its field 'absent'.
    combine: the experts' Gaussians to one.

  Raises:
    UserError: it identifies experts that have parameters of their own.
  """

  name: str
  title: str
  shared: bool
  identify: bool
  summed: bool = False
  mask_absent: bool = False
  combine: Combine = gaussians.product

  def __post_init__(self) -> None:
    if self.identify and not self.shared:
      raise UserError(
        f"pooling '{self.name}' identifies experts that have parameters of their own, which tell "
        'them apart already; give shared=True or identify=False.'
      )

  def experts(self, modalities: int) -> int:
    """E, the number of experts for M modalities."""
    return 1 if self.summed else modalities

  def one_hot(self, modalities: int) -> int:
    """The length of what tells experts apart; 0 without it."""
    return self.experts(modalities) if self.identify else 0

  def feed(self, r_MNhwR: Array, seen_MN: Array) -> Array:
    """What each expert is fed, (E, N, h, w, R): r_m, or their sum.

    Args:
      r_MNhwR: the representations.
      seen_MN: whether a modality has a view.
    """
    if not self.summed:
      return r_MNhwR
    if self.mask_absent:
      r_MNhwR = jnp.where(_or_all(seen_MN)[:, :, None, None, None], r_MNhwR, 0)
    return r_MNhwR.sum(axis=0, keepdims=True)

  def taking_part(self, seen_MN: Array) -> Array | None:
    """Which experts have a say, (E, N); all of them where none would; None: all."""
    if self.summed or not self.mask_absent:
      return None
    return _or_all(seen_MN)


APOE = Pooling('apoe', 'APoE', shared=True, identify=True)
POE = Pooling('poe', 'PoE', shared=False, identify=False)
BASELINE = Pooling('baseline', 'baseline', shared=True, identify=False, summed=True)
# By the name that a config gives; a pooling of one's own is entered here before it is asked for.
POOLINGS = {pooling.name: pooling for pooling in (APOE, POE, BASELINE)}


def _or_all(seen_MN: Array) -> Array:
  """Those that are seen, or where none is, all."""
  return seen_MN | ~seen_MN.any(axis=0)
