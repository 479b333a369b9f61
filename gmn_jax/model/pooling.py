"""Poolings: how what the experts believe becomes one belief, and whose say counts.

Bayes' rule for senses that are independent given z: the precision of a belief is that of p0, which
is what is believed without any context, plus what each sense that was sensed adds. Experts that
each know p0 count it as often as there are experts. With an anchor p0 is counted once, whichever
senses there are (docs/pooling.md).

Dims: M modalities, E experts, N episodes.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gmn_jax.model import gaussians
from gmn_jax.model.gaussians import Gaussian

Array = jax.Array
# Of means and log-variances (E, ...) and of who takes part, broadcastable to them or None for all:
# mean and log-variance (...) of one Gaussian.
Combine = Callable[[Array, Array, Array | None], tuple[Array, Array]]


@dataclasses.dataclass(frozen=True)
class Pooling:
  """How the experts' beliefs become one.

  Attributes:
    name: in configs and results.
    combine: the experts' Gaussians to one; where there is an anchor, it is the last of them.
    anchored: whether there is one Gaussian more, the anchor: what is believed without any context.
      It is learned, it is the same in prior and posterior, nothing is fed to it, and it is always
      present. It is a plain Gaussian for each latent, and not an expert like the others: so it says
      the same whatever their number and parameters, costs no convolution, and has a log-variance of
      its own to start from.
    start_logvar: what is added to the log-variances with which experts start. Those whose
      precisions are added to an anchor's are to start near nothing.
    mask_absent: what a modality without a view does. False: its expert has a say all the same, fed
      the learned initial representation (the authors' code). True: it takes no part (the paper's
      Eq. 2 and 5), unless all are absent. With an anchor it takes no part in any case, and if all
      are absent, none does. A config sets it, by its field 'absent'.
  """

  name: str
  combine: Combine
  anchored: bool = False
  start_logvar: float = 0.0
  mask_absent: bool = False

  def taking_part(self, seen_MN: Array) -> Array | None:
    """Which modalities have a say, (M, N); None: all.

    Args:
      seen_MN: whether a modality has a view.
    """
    if self.anchored:
      return seen_MN
    # Those that are seen, or where none is, all.
    return seen_MN | ~seen_MN.any(axis=0) if self.mask_absent else None

  def believe(
    self, experts_E: Gaussian, present_E: Array | None = None, anchor: Gaussian | None = None
  ) -> Gaussian:
    """What the experts believe together, (...).

    Args:
      experts_E: what each of them believes, (E, ...).
      present_E: which of them have a say, broadcastable to (E, ...); None: all.
      anchor: broadcastable to (...); None: there is none.
    """
    if anchor is None:
      return Gaussian(*self.combine(*experts_E, present_E))
    shape = experts_E.mean.shape
    present_E = jnp.broadcast_to(True if present_E is None else present_E, shape)
    everything = [
      jnp.concatenate([of_experts, jnp.broadcast_to(of_anchor, (1, *shape[1:]))])
      for of_experts, of_anchor in zip((*experts_E, present_E), (*anchor, True), strict=True)
    ]
    return Gaussian(*self.combine(*everything))


# The paper's.
PRODUCT = Pooling('product', gaussians.product)
# The others' precisions are added to the anchor's.
ANCHORED = Pooling('anchored', gaussians.product, anchored=True, start_logvar=1.5)
# Rivals, to be measured against.
GPOE = Pooling('gpoe', gaussians.generalised_product, anchored=True)
LOG_OPINION = Pooling('log-opinion', gaussians.log_opinion_pool)
# By the name that a config gives; a pooling of one's own is entered here before it is asked for.
POOLINGS = {pooling.name: pooling for pooling in (PRODUCT, ANCHORED, GPOE, LOG_OPINION)}
