"""Saves the model of a run in a folder of its own, a few MB, which `gmn_jax.load` and every
evaluation take.

python experiments/export.py --workdir=RUN --to=FOLDER [--best]

Left behind is what only training needs: the optimiser's state and the input's. docs/models.md says
what the folder holds.
"""

import argparse
import pathlib
import sys

# The command is run from the checkout, where `experiments` is not installed.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

if __name__ == '__main__':
  from mese_env.errors import stop_while_loading

  stop_while_loading()

from experiments.evaluation.titles import title_of
from gmn_jax.devices import require_devices
from gmn_jax.models import export
from mese_env import folders
from mese_env.errors import exit_on_user_error


def main(argv: list[str]) -> None:
  """Copies as the command line `argv[1:]` says.

  Raises:
    UserError: there is no checkpoint to copy, or there is one where the copy is to be.
  """
  parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
  parser.add_argument(
    '--workdir', type=folders.argument('--workdir'), required=True, help='of the run'
  )
  parser.add_argument('--to', type=folders.argument('--to'), required=True, help='a new folder')
  parser.add_argument('--best', action='store_true', help='of the best validation, not the last')
  options = parser.parse_args(argv[1:])
  require_devices()
  folders.refuse_inside_run(options.to, '--to')
  folders.require_writable(options.to, 'give another folder --to copy to.')
  model = export(options.workdir, options.to, options.best)
  size = sum(file.stat().st_size for file in options.to.iterdir())
  print(f'{options.to}: {title_of(model.run)}, {size / 1e6:.1f} MB')


if __name__ == '__main__':
  with exit_on_user_error():
    main(sys.argv)
