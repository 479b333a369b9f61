"""What would a run take on TPUs? `python -m gmn_jax.plan --topology=v5e:4x8 --config=...`
(`planning/command.py`).
"""

import sys

from gmn_jax.planning.command import main
from mese_env.errors import exit_on_user_error

__all__ = ['main']

if __name__ == '__main__':
  with exit_on_user_error():
    main(sys.argv[1:])
