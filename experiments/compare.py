"""Trains several configs with several seeds, evaluates each run, and puts them in one table.

python experiments/compare.py --help
"""

import pathlib
import sys

# The command is run from the checkout, where `experiments` is not installed.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from experiments.commands import COMPARE

if __name__ == '__main__':
  COMPARE.run('python experiments/compare.py', sys.argv[1:])
