"""Generative multisensory networks in JAX: the model, its training, and what a trained one knows."""

from mese_env import __version__

__all__ = ['__version__']
