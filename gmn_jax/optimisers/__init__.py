"""Optimisers: how gradients become updates.

May use nothing else of the package; knows nothing of the model.
"""

from gmn_jax.optimisers.muon import muon
from gmn_jax.optimisers.optimiser import OPTIMISERS, make_optimizer

__all__ = ['OPTIMISERS', 'make_optimizer', 'muon']
