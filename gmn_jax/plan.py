"""What would a run take on TPUs? `python -m gmn_jax.plan --topology=v5e:4x8 --config=...`
(`planning/command.py`).
"""

import sys

from gmn_jax.planning.command import PLAN, main

__all__ = ['main']

if __name__ == '__main__':
  PLAN.run('python -m gmn_jax.plan', sys.argv[1:])
