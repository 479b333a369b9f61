"""Trains several configs with several seeds, evaluates each run, and puts them in one table.

python experiments/compare.py --help
"""

import pathlib
import sys

if __name__ == '__main__':
  # Where a script is run, Python looks in its folder, not in the one that holds `experiments`.
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
  from experiments.commands import COMPARE

  COMPARE.run('python experiments/compare.py', sys.argv[1:])
