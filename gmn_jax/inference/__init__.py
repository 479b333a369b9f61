"""Inference: what a trained model is asked, as pure functions of model, parameters, arrays and key.

May use `model` and what that may use; knows nothing of training.
"""

from gmn_jax.inference.active import fall_of_variance, information
from gmn_jax.inference.density import (
  COLOURS,
  Likelihood,
  Posed,
  Seen,
  log_importance_weight,
  log_importance_weights,
  sample_prior_given,
  summarise,
)
from gmn_jax.inference.generation import generate, noise_from, render, represent, sample_prior

__all__ = [
  'COLOURS',
  'Likelihood',
  'Posed',
  'Seen',
  'fall_of_variance',
  'generate',
  'information',
  'log_importance_weight',
  'log_importance_weights',
  'noise_from',
  'render',
  'represent',
  'sample_prior',
  'sample_prior_given',
  'summarise',
]
