"""Training on scenes of which some modalities are missing (paper section 4.4, Figure 5).

Dims: B scenes, M modalities.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mese_env.errors import UserError, did_you_mean

Array = jax.Array

# By set of modalities and name: the fewest and the most modalities that a training scene has.
EXPERIMENTS = {
  'm5': {'extrapol12': (1, 2), 'intrapol35': (3, 5), 'intrapol45': (4, 5)},
  'm8': {'extrapol12': (1, 2), 'extrapol14': (1, 4), 'intrapol48': (4, 8), 'intrapol78': (7, 8)},
  'm14': {
    'extrapol14': (1, 4),
    'extrapol17': (1, 7),
    'intrapol814': (8, 14),
    'intrapol1114': (11, 14),
  },
}
# Keeps the key of the masks apart from the others made of the same seed.
_MASKS = 0x6D61736B


class Missing(NamedTuple):
  """Which modalities are missing from which scenes; the same for a whole run, on any device.

  An argument of what is compiled, so that all experiments of a set of modalities share it.

  Attributes:
    fewest: modalities that a scene has at least.
    most: modalities that a scene has at most.
    strict: a missing modality is neither context nor target (what the paper says); else it is only
      hidden from the context (what the authors ran).
    seed: of the run.
  """

  fewest: int
  most: int
  strict: bool
  seed: int | np.uint32

  def masks(self, index_B: Array, modalities: int) -> Array:
    """Bool (B, M), which modalities a scene has: a pure function of the seed and the scene's index.

    Drawn over all masks of the sizes allowed, with a probability proportional to 1 / size.
    """
    key = jax.random.fold_in(jax.random.key(self.seed), _MASKS)
    sizes = np.arange(1, modalities + 1)
    weight_of_size = np.array([math.comb(modalities, size) / size for size in sizes])
    allowed = (self.fewest <= sizes) & (sizes <= self.most)
    log_weight_of_size = jnp.where(allowed, jnp.log(weight_of_size), -jnp.inf)

    def mask(index: Array) -> Array:
      key_size, key_subset = jax.random.split(jax.random.fold_in(key, index))
      size = 1 + jax.random.categorical(key_size, log_weight_of_size)
      return jax.random.permutation(key_subset, modalities) < size

    return jax.vmap(mask)(index_B)


def fresh_masks(key: Array, scenes: int, modalities: int) -> Array:
  """Bool (B, M): sizes uniform over 1..M, then uniform among the masks of that size."""

  def mask(key: Array) -> Array:
    key_size, key_subset = jax.random.split(key)
    size = jax.random.randint(key_size, (), 1, modalities + 1)
    return jax.random.permutation(key_subset, modalities) < size

  return jax.vmap(mask)(jax.random.split(key, scenes))


def experiment(modalities: str, name: str, protocol: str, seed: int) -> Missing | None:
  """The experiment of a set of modalities; None for the empty name: nothing is missing.

  Raises:
    UserError: the set has no experiment of this name.
  """
  if not name:
    return None
  known = EXPERIMENTS.get(modalities, {})
  if not known:
    raise UserError(
      f"there is no experiment with missing modalities for '{modalities}'; use --config.modalities="
      f'{" or ".join(EXPERIMENTS)}, or leave --config.missing empty.'
    )
  if name not in known:
    raise UserError(f"missing is '{name}' with {modalities}; {did_you_mean(name, known)}")
  fewest, most = known[name]
  # As `jax.random.key` takes a seed, which as an array would not fit in 32 bits with a sign.
  return Missing(fewest, most, protocol == 'strict', np.uint32(seed % 2**32))
