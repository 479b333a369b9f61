"""Is it the paper's model? `python -m gmn_jax.parity [FILE.npz ...]` (`authors/parity.py`)."""

import sys

if __name__ == '__main__':
  from mese_env.errors import stop_while_loading

  stop_while_loading()

from gmn_jax.authors.parity import compare, main, relative_error
from gmn_jax.devices import require_devices
from mese_env.errors import exit_on_user_error

__all__ = ['compare', 'main', 'relative_error']

if __name__ == '__main__':
  with exit_on_user_error():
    require_devices()
    sys.exit(main(sys.argv[1:]))
