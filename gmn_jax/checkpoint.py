"""A trained run, loaded and saved: the public names of `gmn_jax.training.checkpoint` and its
neighbours.
"""

from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.exported import save_model
from gmn_jax.training.run import Run

__all__ = ['Run', 'load_run', 'save_model']
