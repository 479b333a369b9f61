"""The tables of densities and of coverage."""

import dataclasses
from collections.abc import Sequence

from experiments.evaluation.density_records import Densities, Density, WithoutModel
from experiments.evaluation.results import Table, counted, with_error

_SHOWN_LEVELS = (0.5, 0.9)


def tables(found: Densities) -> list[Table]:
  """Per target the densities and their gains, views of the last sense given across, those of the
  others down; and coverage.
  """
  targets = list(dict.fromkeys(record.target for record in found.density))
  shown = []
  for name in targets:
    records = [record for record in found.density if record.target == name]
    title = (
      f'{name}: log-density of the views held out, nats per dimension, std {records[0].std:g}, '
      f'constant {records[0].constant:.4f}'
    )
    table = _by_context(title, records, 'log_likelihood')
    without_model = [
      [record.predictor, _cell(record, 'log_likelihood'), *[''] * (len(table.columns) - 2)]
      for record in found.without_model
      if record.target == name
    ]
    shown.append(dataclasses.replace(table, rows=[*table.rows, *without_model]))
    if records[0].gain is not None:
      title = f'{name}: gain over no context, scene by scene, nats per dimension'
      shown.append(_by_context(title, records, 'gain'))
  return [*shown, *_bounds(found), _coverage(found)]


def _bounds(found: Densities) -> list[Table]:
  if not found.bounds:
    return []
  rows = [
    [
      f'{record.target} given {", ".join(counted(n, views) for views, n in record.given.items())}',
      with_error(record.lower, record.lower_error, digits=4),
      with_error(record.upper, record.upper_error, digits=4),
      with_error(record.gap, record.gap_error, digits=2),
    ]
    for record in found.bounds
  ]
  scenes = counted(found.bounds[0].scenes, 'scenes')
  title = f'of views that the model imagined for {scenes}: both bounds, nats per dimension'
  return [Table(title, ['', 'from below', 'from above', 'gap in nats'], rows)]


def _by_context(title: str, records: Sequence[Density], field: str) -> Table:
  rows: dict[str, dict[str, str]] = {}
  for record in records:
    *down, across = (counted(count, views) for views, count in record.given.items())
    rows.setdefault(', '.join(down), {})[across] = _cell(record, field)
  heads = list(next(iter(rows.values())))
  return Table(title, ['given', *heads], [[name, *cells.values()] for name, cells in rows.items()])


def _coverage(found: Densities) -> Table:
  sizes = list(dict.fromkeys(record.views_of_each for record in found.coverage))
  rows = []
  for kind in dict.fromkeys(record.kind for record in found.coverage):
    for level in _SHOWN_LEVELS:
      cells = [
        with_error(record.coverage, record.coverage_error)
        for record in found.coverage
        if (record.kind, record.level) == (kind, level)
      ]
      rows.append([f'{kind}, {level:.0%} interval', *cells])
  return Table(
    'share of the numbers held out inside their predictive interval',
    ['given of each modality', *(counted(size, 'views') for size in sizes)],
    rows,
  )


def _cell(record: Density | WithoutModel, field: str) -> str:
  return with_error(getattr(record, field), getattr(record, f'{field}_error'), digits=4)
