"""The tables of a comparison: means and standard errors over seeds, and what configs differ by."""

import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.compare import figure as compare_figure
from experiments.compare import headlines
from experiments.compare.differences import difference_table, differences
from experiments.compare.runs import Comparison, carried_out
from experiments.evaluation import results


def compare(comparison: Comparison) -> list[results.Table]:
  """Reads what the runs found, and writes `compare.json`, `compare.txt` and `compare.png`.

  Returns:
    A row per headline, a column per config: mean ± standard error over the seeds; and a column per
    config but the first: what its mean is above that one's, ± the error of the difference. Where
    seeds or scenes can be paired, a second table says how far that is to be trusted.
  """
  folders: dict[str, list[pathlib.Path]] = {}
  for run in comparison.runs:
    folders.setdefault(run.config, []).append(run.workdir)
  evaluations = [*comparison.runs[0].jobs][1:]
  summary = _summarise(folders, evaluations)
  first = next(iter(folders))
  seeds = len(folders[first])
  tables = [_table(summary, [*folders], seeds)]
  found = differences(summary, folders, evaluations)
  if any(difference.over_seeds or difference.over_scenes for difference in found):
    tables.append(difference_table(found, first, seeds))
  record = {
    'commands': {f'{run.config}-{run.seed}': carried_out(run) for run in comparison.runs},
    'commit': results.commit(),
    'versions': results.versions(),
    'results': summary,
    'differences': [difference.as_written() for difference in found],
  }
  shown = '\n\n'.join(map(str, tables)) + '\n'
  for suffix, text in (('json', json.dumps(record, indent=2) + '\n'), ('txt', shown)):
    with results.replacing(comparison.workdir / f'compare.{suffix}') as path:
      path.write_text(text)
  with results.replacing(comparison.workdir / 'compare.png') as path:
    compare_figure.draw(folders, evaluations).savefig(path, dpi=150, format='png')
  return tables


def _summarise(
  folders: Mapping[str, Sequence[pathlib.Path]], evaluations: Sequence[str]
) -> dict[str, dict[str, Any]]:
  """By headline and config, the mean over seeds, its standard error, and the seeds' own."""
  summary: dict[str, dict[str, Any]] = {}
  measured = {
    config: [headlines.of_run(folder, evaluations) for folder in of_config]
    for config, of_config in folders.items()
  }
  # Runs of an older version measured less.
  common = set.intersection(*[set(of) for of_seeds in measured.values() for of in of_seeds])
  for config, of_seeds in measured.items():
    for name in [name for name in of_seeds[0] if name in common]:
      values = np.array([numbers[name] for numbers in of_seeds])
      mean, error = results.mean_and_error(values)
      summary.setdefault(name, {})[config] = {
        'mean': float(mean), 'error': float(error), 'seeds': values.tolist()
      }  # fmt: skip
  return summary


def _table(
  summary: Mapping[str, Mapping[str, Any]], configs: Sequence[str], seeds: int
) -> results.Table:
  first, *others = configs
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
  return results.Table(
    f'Mean ± standard error over {seeds} seeds' if seeds > 1 else 'One seed',
    ['', *configs, *(f'{config} - {first}' for config in others)],
    rows,
  )


def _shown(of_seeds: Mapping[str, Any], seeds: int) -> str:
  """To two digits of the error, which one seed does not have."""
  mean, error = of_seeds['mean'], of_seeds['error']
  if seeds == 1:
    return f'{mean:.5g}'
  digits = 1 - math.floor(math.log10(error)) if error else 4
  return results.with_error(mean, error, max(0, digits))
