"""A trained run, loaded and saved: the public names of `gmn_jax.training.checkpoint`."""

from gmn_jax.training.checkpoint import Run, load_run, save_model

__all__ = ['Run', 'load_run', 'save_model']
