"""Generative multisensory networks in JAX."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from gmn_jax import config
  from gmn_jax.training.train import train

__version__ = '0.1.0'
__all__ = ['__version__', 'config', 'train']


def __getattr__(name: str) -> Any:
  """Loads what trains when it is first used: the model by itself needs none of it."""
  if name == 'train':
    return importlib.import_module('gmn_jax.training.train').train
  if name == 'config':
    return importlib.import_module('gmn_jax.config')
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
