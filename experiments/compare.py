"""Trains several configs with several seeds, evaluates each run, and puts them in one table.

python experiments/compare.py --help
"""

import pathlib
import sys

# The command is run from the checkout, where `experiments` is not installed.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from mese_env.errors import exit_on_user_error, stop_while_loading

if __name__ == '__main__':
  stop_while_loading()
  from experiments.compare.command import main

  with exit_on_user_error('what is finished stays, and the same command goes on from there.'):
    sys.exit(main(sys.argv))
