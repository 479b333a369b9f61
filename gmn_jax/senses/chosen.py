"""Chosen rays: training may render some pixels of each look alone, drawn anew at every step.

What all of a view errs is estimated from them without bias: each chosen ray stands for equally many
of those that meet the ball, and all other pixels are black.

Dims: B scenes, V views, H W C image, P = H W pixels, R chosen rays.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.senses.modality import Modality
from gmn_jax.senses.volume import rays_through

Array = jax.Array


@functools.partial(
  jax.tree_util.register_dataclass, data_fields=['numbers_BVR'], meta_fields=['modality']
)
@dataclasses.dataclass(frozen=True)
class ChosenRays:
  """Which rays of each view are followed.

  Attributes:
    numbers_BVR: int, different ones for each view, of `rays_through(modality)`.
    modality: what is seen.
  """

  numbers_BVR: Array
  modality: Modality

  def estimated_error(self, sense: Array, seen_BVRC: Array) -> Array:
    """Squared error of every view, (B, V), from what its chosen rays see.

    Args:
      sense: the views, (B, V, H, W, C).
      seen_BVRC: means of the pixels of the chosen rays.
    """
    met_R = rays_through(self.modality).pixel_R
    sense_BVPC = sense.reshape(*sense.shape[:2], -1, sense.shape[-1])
    pixel_BVR = jnp.asarray(met_R)[self.numbers_BVR]
    true_BVRC = jnp.take_along_axis(sense_BVPC, pixel_BVR[..., None], axis=2)
    chosen_BV = jnp.sum((true_BVRC - seen_BVRC.astype(sense.dtype)) ** 2, axis=(2, 3))
    black_P = np.ones(sense_BVPC.shape[2], bool)
    black_P[met_R] = False
    missed_BV = jnp.sum(jnp.where(black_P[:, None], sense_BVPC, 0) ** 2, axis=(2, 3))
    return missed_BV + len(met_R) / self.numbers_BVR.shape[2] * chosen_BV


def choose_rays(
  key: Array, modality: Modality, views: tuple[int, int], count: int
) -> ChosenRays | None:
  """`count` rays of every view at random; None, the whole view, if it has no more than that.

  Args:
    key: decides which.
    modality: a window of the image.
    views: B, V.
    count: R.
  """
  total = len(rays_through(modality).pixel_R)
  if total <= count:
    return None
  key_order, key_first = jax.random.split(key)
  order = jax.random.permutation(key_order, total)
  first_BV = jax.random.randint(key_first, views, 0, total)
  return ChosenRays(order[(first_BV[..., None] + jnp.arange(count)) % total], modality)
