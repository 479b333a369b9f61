"""Breaks training, generation and commands in many ways, and prints what became of each."""

import argparse
import functools
import pathlib
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping

if __name__ == '__main__':
  from experiments.faults.command import COMMAND

  COMMAND.run('python -m experiments.faults', sys.argv[1:])

from experiments.faults import (
  datasets,
  flips,
  generation,
  malformed,
  numbers,
  stops,
  storage,
  surroundings,
)
from experiments.faults.command import COMMAND
from experiments.faults.outcomes import Outcome, carried_out, markdown
from experiments.faults.trainer import Trainer
from mese_env.errors import UserError, did_you_mean
from mese_env.machine import available_cores

_INTRODUCTION = """# What breaks, and what becomes of it

`make faults` breaks training, generation and the commands on purpose, with seeded moments, and
writes this page. The runs are tiny; what they go through is what long ones do. A run is *equal* to
another where parameters, optimiser state, step and key are the same bits, and all metrics the same
numbers, but for those of the clock. A row whose test fails itself counts as broken.
"""
Fault = Callable[[Trainer], Iterable[Outcome]]
FAULTS: dict[str, Fault] = {
  'kills': stops.kills,
  'terminations': stops.terminations,
  'starts': stops.starts,
  'writers': stops.two_writers,
  'together': stops.one_of_two,
  'children': stops.stopped_with_all,
  'checkpoint': storage.truncated_checkpoint,
  'logs': storage.damaged_logs,
  'finished': storage.finished,
  'clock': storage.clock,
  'disk': storage.full_disk,
  'nan': numbers.not_a_number,
  'spoiled': numbers.spoiled_parameters,
  'validation': numbers.nan_validation,
  'views': numbers.few_views,
  'vanished': datasets.vanished,
  'exchanged': datasets.exchanged,
  'replaced': datasets.replaced_while_read,
  'names': datasets.other_names,
  'generation': generation.kills_and_corruption,
  'flips': flips.everywhere,
  'home': surroundings.no_home,
  'platform': surroundings.no_platform,
  'compiled': surroundings.compiled_programs,
  'torch': surroundings.torch_files,
  'malformed': malformed.refusals,
}


def main(arguments: list[str], faults: Mapping[str, Fault] = FAULTS) -> int:
  """Runs the faults, one after the other.

  Args:
    arguments: of the command line.
    faults: those there are.

  Returns:
    The exit code: 0, or 1 if a promise was broken.
  """
  return carry_out(COMMAND.read('python -m experiments.faults', arguments), faults)


def carry_out(options: argparse.Namespace, faults: Mapping[str, Fault] = FAULTS) -> int:
  """Runs the faults that the options name, as `main`; a UserError says that there is none."""
  for name in (chosen := options.only or list(faults)):
    if name not in faults:
      raise UserError(f"there is no fault '{name}'; {did_you_mean(name, faults)}")
  # What is started is to heed Ctrl-C even where this runs in the background, which ignores it.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  start, outcomes = time.monotonic(), []
  with tempfile.TemporaryDirectory() as folder:
    trainer = Trainer(pathlib.Path(folder))
    for name in chosen:
      for outcome in carried_out(name, functools.partial(faults[name], trainer)):
        outcomes.append(outcome)
        minutes = (time.monotonic() - start) / 60
        word, why = ('ok', '') if outcome.kept else ('BROKEN', f': {outcome.happened}')
        print(f'{minutes:5.1f} min  {word:<7}{outcome.fault}{why}', file=sys.stderr, flush=True)
  table = markdown(outcomes)
  minutes = (time.monotonic() - start) / 60
  print(table)
  if options.write:
    where = f'{available_cores()} cores of {platform.machine()}, {minutes:.0f} minutes'
    left_out = [name for name in faults if name not in chosen]
    where += f'; left out: {", ".join(left_out)}.' if left_out else '.'
    head, last = table.rsplit('\n\n', 1)
    options.write.write_text(f'{_INTRODUCTION}\n{head}\n\nRun on {where}\n\n{last}\n')
  return 1 if any(not outcome.kept for outcome in outcomes) else 0
