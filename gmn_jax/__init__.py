"""Generative multisensory networks in JAX: the model, its training and its inference."""

from mese_env import __version__

__all__ = ['__version__']
