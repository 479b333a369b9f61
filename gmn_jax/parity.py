"""Is it the paper's model? `python -m gmn_jax.parity [FILE.npz ...]` (`authors/parity.py`)."""

import argparse
import sys

if __name__ == '__main__':
  from gmn_jax.commands import PARITY

  PARITY.run('python -m gmn_jax.parity', sys.argv[1:])

from gmn_jax.authors.parity import compare, main, relative_error
from gmn_jax.devices import require_devices

__all__ = ['carry_out', 'compare', 'main', 'relative_error']


def carry_out(options: argparse.Namespace) -> int:
  """Compares the files of the options; returns the exit code.

  Raises:
    UserError: there is no device, or no such file.
  """
  require_devices()
  return main(options.files)
