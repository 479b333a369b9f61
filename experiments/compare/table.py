"""The table of a comparison: means and standard errors over seeds, and what configs differ by."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.compare import figure as compare_figure
from experiments.compare import headlines
from experiments.compare.runs import Comparison, carried_out
from experiments.evaluation import results


def compare(comparison: Comparison) -> results.Table:
  """Reads what the runs found, and writes `compare.json`, `compare.txt` and `compare.png`.

  Returns:
    A row per headline, a column per config: mean ± standard error over the seeds; and a column per
    config but the first: what its mean is above that one's, ± the error of the difference.
  """
  found: dict[str, list[dict[str, float]]] = {}
  for run in comparison.runs:
    found.setdefault(run.config, []).append(headlines.of_run(run.workdir, [*run.jobs][1:]))
  summary: dict[str, dict[str, Any]] = {}
  for config, of_seeds in found.items():
    for name in of_seeds[0]:
      values = np.array([numbers[name] for numbers in of_seeds])
      mean, error = results.mean_and_error(values)
      summary.setdefault(name, {})[config] = {
        'mean': float(mean), 'error': float(error), 'seeds': values.tolist()
      }  # fmt: skip
  seeds = len(next(iter(found.values())))
  first, *others = found
  rows = []
  for name, of in summary.items():
    above = [
      {
        'mean': of[config]['mean'] - of[first]['mean'],
        'error': math.hypot(of[config]['error'], of[first]['error']),
      }
      for config in others
    ]
    rows.append([name, *(_shown(of_config, seeds) for of_config in [*of.values(), *above])])
  table = results.Table(
    f'Mean ± standard error over {seeds} seeds' if seeds > 1 else 'One seed',
    ['', *found, *(f'{config} - {first}' for config in others)],
    rows,
  )
  record = {
    'commands': {f'{run.config}-{run.seed}': carried_out(run) for run in comparison.runs},
    'commit': results.commit(),
    'versions': results.versions(),
    'results': summary,
  }
  for suffix, text in (('json', json.dumps(record, indent=2) + '\n'), ('txt', f'{table}\n')):
    with results.replacing(comparison.workdir / f'compare.{suffix}') as path:
      path.write_text(text)
  folders = {
    config: [run.workdir for run in comparison.runs if run.config == config] for config in found
  }
  with results.replacing(comparison.workdir / 'compare.png') as path:
    figure = compare_figure.draw(folders, [*comparison.runs[0].jobs][1:])
    figure.savefig(path, dpi=150, format='png')
  return table


def _shown(of_seeds: Mapping[str, Any], seeds: int) -> str:
  """To two digits of the error, which one seed does not have."""
  mean, error = of_seeds['mean'], of_seeds['error']
  if seeds == 1:
    return f'{mean:.5g}'
  digits = 1 - math.floor(math.log10(error)) if error else 4
  return results.with_error(mean, error, max(0, digits))
