"""The authors' PyTorch code: its checkpoints in our terms, and proof that ours computes the same.

May use `model` and `inference`; nothing else uses it.
"""

from gmn_jax.authors.state_dict import from_authors, to_authors
from gmn_jax.authors.weights import read_state_dict

__all__ = ['from_authors', 'read_state_dict', 'to_authors']
