"""What `main.py --mode=<name>` does with a trained run: modules that each declare a `MODE`.

A new evaluation is a module here and its name among `EVALUATIONS`: the command, the report and the
comparison of runs take it as it is declared (`experiments.evaluation.contract`).
"""

import importlib
import typing

if typing.TYPE_CHECKING:
  from experiments.evaluation.contract import Mode

# The evaluations, in the order of a report.
EVALUATIONS = (
  'density',
  'classify',
  'generate',
  'shapes',
  'missing',
  'cost',
  'represent',
  'active',
)
# What `compare.py` makes of every run if it is not told.
COMPARED = ('density', 'generate')
_REPORT = 'report'


def names() -> tuple[str, ...]:
  """Of all modes but training."""
  return (*EVALUATIONS, _REPORT)


def load(name: str) -> 'Mode':
  """One of the modes. Its module is imported now: training needs none, nor what they draw with."""
  return importlib.import_module(module(name)).MODE


def module(name: str) -> str:
  """Where a mode is declared."""
  return f'{__name__}.{name}'
