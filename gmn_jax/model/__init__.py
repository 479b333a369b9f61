"""The model: experts, their pooling to a belief, the latents drawn from it, and the ELBO.

May use `layers` and `senses`; knows nothing of optimisers, files or commands.
"""

from gmn_jax.model.episodes import Episodes, add_opposite, sample_episodes
from gmn_jax.model.experts import Draw, Gaussian
from gmn_jax.model.gmn import (
  GMN,
  Noise,
  apply,
  init_params,
  parameter_shapes,
  sample_noise,
  sum_views,
)
from gmn_jax.model.objective import ElboTerms, elbo_terms
from gmn_jax.model.pooling import APOE, BASELINE, POE, POOLINGS, Pooling

__all__ = [
  'APOE',
  'BASELINE',
  'GMN',
  'POE',
  'POOLINGS',
  'Draw',
  'ElboTerms',
  'Episodes',
  'Gaussian',
  'Noise',
  'Pooling',
  'add_opposite',
  'apply',
  'elbo_terms',
  'init_params',
  'parameter_shapes',
  'sample_episodes',
  'sample_noise',
  'sum_views',
]
