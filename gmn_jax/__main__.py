"""`gmn`, or `python -m gmn_jax`: every command of the project, from any folder.

The one module of this package that knows of `experiments`, whose commands it runs.
"""

import importlib.util
import pathlib
import sys
from typing import NoReturn


def main() -> NoReturn:
  """Runs the command line of this process."""
  _load_experiments()
  # As for `python -m tfds_mese`, --imports takes modules of the current folder; here after others.
  sys.path.append('')
  from experiments.gmn import GMN

  program = 'gmn' if pathlib.Path(sys.argv[0]).name != '__main__.py' else 'python -m gmn_jax'
  GMN.run(program, sys.argv[1:])


def _load_experiments() -> None:
  """Has `experiments` be the folder that lies beside this package, whatever other one there is:
  where a module is run, Python looks in the current folder first.
  """
  folder = pathlib.Path(__file__).resolve().parents[1] / 'experiments'
  spec = importlib.util.spec_from_file_location('experiments', folder / '__init__.py')
  assert spec is not None and spec.loader is not None
  sys.modules['experiments'] = module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)


if __name__ == '__main__':
  main()
