"""The evaluations of a trained run, each a module of this package: `main.py --mode=<module>`.

A module holds a frozen dataclass `Options`, whose fields are its flags, and

  evaluate(run: Run, dataset: Dataset, workdir: pathlib.Path, options: Options) -> results.Results

which writes `<mode>.json`, `<mode>.txt` and `<mode>.png` through `results.write`.
"""

import importlib
import types
from typing import Any

# Imported only when asked for: training needs none of them, nor what they draw with.
MODES = ('density', 'classify', 'generate', 'missing', 'cost', 'represent', 'report')


def load(mode: str) -> types.ModuleType:
  """The module of one of `MODES`."""
  return importlib.import_module(f'{__name__}.{mode}')


def takes_scenes(mode: str, options: Any) -> bool:
  """Whether a mode takes scenes of the run's own dataset: not where its options name others."""
  return mode != 'cost' and not getattr(options, 'datasets', ())
