"""Variants: which experts there are, what tells them apart, and what each is fed.

This is all in which the paper's three variants differ; another one is another `Variant`. How what
the experts believe becomes one belief is a `Pooling` (`pooling.py`).

Dims: M modalities, E experts, N episodes, h w latent grid, R representation channels.
"""

import dataclasses

import jax
import jax.numpy as jnp

from mese_env.errors import UserError

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Variant:
  """How the modalities' representations become experts.

  Attributes:
    name: in configs and results.
    title: for people.
    shared: one set of parameters for all experts, instead of one each.
    identify: feed each expert its one-hot of length E.
    summed: one expert on the sum of the representations, instead of one for each modality.

  Raises:
    UserError: it identifies experts that have parameters of their own.
  """

  name: str
  title: str
  shared: bool
  identify: bool
  summed: bool = False

  def __post_init__(self) -> None:
    if self.identify and not self.shared:
      raise UserError(
        f"variant '{self.name}' identifies experts that have parameters of their own, which tell "
        'them apart already; give shared=True or identify=False.'
      )

  def experts(self, modalities: int) -> int:
    """E, the number of experts for M modalities."""
    return 1 if self.summed else modalities

  def one_hot(self, modalities: int) -> int:
    """The length of what tells experts apart; 0 without it."""
    return self.experts(modalities) if self.identify else 0

  def feed(self, r_MNhwR: Array, present_MN: Array | None) -> Array:
    """What each expert is fed, (E, N, h, w, R): r_m, or the sum over those that take part.

    Args:
      r_MNhwR: the representations.
      present_MN: which modalities take part; None: all.
    """
    if not self.summed:
      return r_MNhwR
    if present_MN is not None:
      r_MNhwR = jnp.where(present_MN[:, :, None, None, None], r_MNhwR, 0)
    return r_MNhwR.sum(axis=0, keepdims=True)

  def present(self, present_MN: Array | None) -> Array | None:
    """Which experts have a say, (E, N), where these modalities take part; None: all."""
    if present_MN is None or not self.summed:
      return present_MN
    return present_MN.any(axis=0, keepdims=True)


APOE = Variant('apoe', 'APoE', shared=True, identify=True)
POE = Variant('poe', 'PoE', shared=False, identify=False)
BASELINE = Variant('baseline', 'baseline', shared=True, identify=False, summed=True)
# By the name that a config gives; a variant of one's own is entered here before it is asked for.
VARIANTS = {variant.name: variant for variant in (APOE, POE, BASELINE)}
