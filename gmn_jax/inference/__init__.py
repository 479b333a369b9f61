"""Inference: what a trained model is asked, as pure functions of model, parameters, arrays and key.

May use `model` and what that may use; knows nothing of training.
"""

from gmn_jax.inference.queries import (
  COLOURS,
  Likelihood,
  Seen,
  generate,
  imagine,
  infer,
  latent_noise,
  log_importance_weight,
  log_importance_weights,
  render,
  represent,
  summarise,
)

__all__ = [
  'COLOURS',
  'Likelihood',
  'Seen',
  'generate',
  'imagine',
  'infer',
  'latent_noise',
  'log_importance_weight',
  'log_importance_weights',
  'render',
  'represent',
  'summarise',
]
