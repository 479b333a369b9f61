"""The model: experts, their pooling to a belief, the latents drawn from it, and the ELBO.

May use `layers` and `senses`; knows nothing of optimisers, files or commands.
"""

from gmn_jax.model.applied import apply, init_params, parameter_shapes, sample_noise
from gmn_jax.model.draw import Draw, Noise
from gmn_jax.model.episodes import Episodes, add_opposite, sample_episodes
from gmn_jax.model.gaussians import Gaussian
from gmn_jax.model.gmn import GMN, sum_views
from gmn_jax.model.objective import ElboTerms, elbo_terms
from gmn_jax.model.pooling import POOLINGS, PRODUCT, Pooling
from gmn_jax.model.variant import APOE, BASELINE, POE, VARIANTS, Variant

__all__ = [
  'APOE',
  'BASELINE',
  'GMN',
  'POE',
  'POOLINGS',
  'PRODUCT',
  'VARIANTS',
  'Draw',
  'ElboTerms',
  'Episodes',
  'Gaussian',
  'Noise',
  'Pooling',
  'Variant',
  'add_opposite',
  'apply',
  'elbo_terms',
  'init_params',
  'parameter_shapes',
  'sample_episodes',
  'sample_noise',
  'sum_views',
]
