"""`gmn`, or `python -m gmn_jax`: every command of the project, from any folder.

The one module of this package that knows of `experiments`, whose commands it runs.
"""

import pathlib
import sys
from typing import NoReturn

_HOME = pathlib.Path(__file__).resolve().parents[1]


def main() -> NoReturn:
  """Runs the command line of this process."""
  _prefer_ours()
  from experiments.gmn import GMN

  program = 'gmn' if pathlib.Path(sys.argv[0]).name != '__main__.py' else 'python -m gmn_jax'
  GMN.run(program, sys.argv[1:])


def _prefer_ours() -> None:
  """Has `experiments` be the folder that lies beside this package, whatever the current folder has:
  Python looks there first where a module is run.
  """
  here = str(pathlib.Path.cwd())
  others = [place for place in sys.path if place not in ('', here, str(_HOME))]
  # Last, not left out: `gmn data --imports=` takes modules of the current folder.
  sys.path[:] = [*others, str(_HOME), here]


if __name__ == '__main__':
  main()
