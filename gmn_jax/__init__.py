"""Generative multisensory networks in JAX: the model, its training and its inference."""

import importlib
from typing import TYPE_CHECKING, Any

from mese_env import __version__

if TYPE_CHECKING:
  from gmn_jax import config
  from gmn_jax.models import load
  from gmn_jax.training.train import train

__all__ = ['__version__', 'config', 'load', 'train']


def __getattr__(name: str) -> Any:
  """Loads what trains, or was trained, when it is first used: the model itself needs none of it."""
  from mese_env.installing import explain_missing

  with explain_missing(f'gmn_jax.{name}'):
    if name == 'train':
      return importlib.import_module('gmn_jax.training.train').train
    if name == 'load':
      return importlib.import_module('gmn_jax.models').load
    if name == 'config':
      return importlib.import_module('gmn_jax.config')
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
