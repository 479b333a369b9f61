"""Saves the model of a run in a folder of its own: `python experiments/export.py --help`."""

import argparse
import pathlib
import sys

if __name__ == '__main__':
  # Where a script is run, Python looks in its folder, not in the one that holds `experiments`.
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
  from experiments.commands import EXPORT

  EXPORT.run('python experiments/export.py', sys.argv[1:])

from experiments.commands import EXPORT
from experiments.evaluation.titles import title_of
from gmn_jax.devices import require_devices
from gmn_jax.models import export
from mese_env import folders


def main(argv: list[str]) -> None:
  """Copies as the command line `argv[1:]` says.

  Raises:
    UserError: there is no checkpoint to copy, or there is one where the copy is to be; or float16
      cannot hold a parameter.
  """
  carry_out(EXPORT.read(argv[0], argv[1:]))


def carry_out(options: argparse.Namespace) -> None:
  """Saves as the options say; raises as `main`."""
  require_devices()
  folders.refuse_inside_run(options.to, '--to')
  folders.require_writable(options.to, 'give another folder --to copy to.')
  model = export(options.workdir, options.to, options.best, options.float16)
  size = sum(file.stat().st_size for file in options.to.iterdir())
  print(f'{options.to}: {title_of(model.run)}, {size / 1e6:.1f} MB')
