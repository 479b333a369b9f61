"""Breaks training, generation and commands in many ways, and prints what became of each.

python -m experiments.faults [--write docs/faults.md] [--only NAME ...]
"""

import argparse
import pathlib
import platform
import sys
import tempfile
import time

if __name__ == '__main__':
  from mese_env.errors import stop_while_loading

  stop_while_loading()

from experiments.faults import generation, malformed, training
from experiments.faults.outcomes import markdown
from mese_env.errors import exit_on_user_error
from mese_env.machine import available_cores

_INTRODUCTION = """# What breaks, and what becomes of it

`make faults` breaks training, generation and the commands on purpose, with seeded moments, and
writes this page. The runs are tiny; what they go through is what long ones do. A run is *equal* to
another where parameters, optimiser state, step and key are the same bits.
"""


def main(arguments: list[str]) -> int:
  """Runs the faults; returns the exit code: 0, or 1 if a promise was broken."""
  parser = argparse.ArgumentParser('python -m experiments.faults', description=__doc__)
  faults = {
    'kills': training.kills,
    'terminations': training.terminations,
    'checkpoint': training.truncated_checkpoint,
    'nan': training.not_a_number,
    'disk': training.full_disk,
    'vanished': training.vanished_dataset,
    'generation': generation.kills_and_corruption,
    'malformed': malformed.refusals,
  }
  parser.add_argument('--write', type=pathlib.Path, help='the page to write the table to')
  parser.add_argument('--only', nargs='+', choices=faults, default=list(faults))
  options = parser.parse_args(arguments)
  start, outcomes = time.monotonic(), []
  with tempfile.TemporaryDirectory() as folder:
    trainer = training.Trainer(pathlib.Path(folder))
    for name in options.only:
      for outcome in faults[name](trainer):
        outcomes.append(outcome)
        print(f'{"ok" if outcome.kept else "BROKEN":<7}{outcome.fault}', file=sys.stderr)
  table = markdown(outcomes)
  minutes = (time.monotonic() - start) / 60
  print(table)
  if options.write:
    where = f'{available_cores()} cores of {platform.machine()}, {minutes:.0f} minutes.'
    head, last = table.rsplit('\n\n', 1)
    options.write.write_text(f'{_INTRODUCTION}\n{head}\n\nRun on {where}\n\n{last}\n')
  return 1 if any(not outcome.kept for outcome in outcomes) else 0


if __name__ == '__main__':
  with exit_on_user_error():
    sys.exit(main(sys.argv[1:]))
