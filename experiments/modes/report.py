"""Runs the evaluations in turn and writes one page about the run that needs no other file.

  python experiments/main.py --workdir=RUN --mode=report

`report.html` holds every table and figure, the config, versions and seeds. An evaluation whose
results are there already, of this checkpoint and dataset, is shown as it is, whatever its options;
the others are run with their defaults.
"""

import base64
import dataclasses
import html
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from experiments import modes
from experiments.evaluation import results
from experiments.evaluation.contract import Mode
from experiments.evaluation.titles import title_of
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError, did_you_mean
from tfds_mese.reading import open_dataset

_MEDIA = {'.png': 'image/png', '.gif': 'image/gif'}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; }}
pre {{ background: #f5f5f5; padding: 1em; overflow-x: auto; font-size: 13px; }}
img {{ max-width: 100%; display: block; margin: 1em 0; }}
td {{ padding: 0 2em 0 0; vertical-align: top; font-family: monospace; }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


@dataclasses.dataclass(frozen=True)
class Options:
  """What the page shows."""

  # Evaluations, in this order; all if not given.
  modes: tuple[str, ...] = ()
  # Run also those again whose results are there.
  again: bool = False
  # Builds datasets that are missing.
  build: bool = False
  # Takes the best checkpoint instead of the last one.
  best: bool = False

  def __post_init__(self):
    for mode in self.modes:
      if mode not in modes.EVALUATIONS:
        near = did_you_mean(mode, modes.EVALUATIONS)
        raise UserError(f"--modes names '{mode}', no evaluation; {near}")


class Report(Mode):
  """Puts what the evaluations found on one page."""

  def carry_out(
    self, run: Run, workdir: pathlib.Path, options: Options, build: bool
  ) -> pathlib.Path:
    """Runs what is missing and writes `report.html`, whose path it returns.

    What cannot be evaluated, for want of a dataset say, is named on the page with its reason.
    """
    sections, records = [], []
    for name in options.modes or modes.EVALUATIONS:
      record = None if options.again else _there_already(name, run, workdir)
      try:
        if record is None:
          mode = modes.load(name)
          mode.carry_out(run, workdir, _defaults(mode, options), build)
          record = results.read_record(workdir, name)
      except UserError as error:
        print(f'{name} is left out: {error}')
        sections.append(f'<h2>{name}</h2>\n<p>Left out: {html.escape(str(error))}</p>')
        continue
      records.append(record)
      sections.append(_section(name, record, workdir))
    title = html.escape(title_of(run, 'preset '))
    body = '\n'.join([*sections, _decided(run, records)])
    path = workdir / 'report.html'
    with results.replacing(path) as unfinished:
      unfinished.write_text(_PAGE.format(title=title, body=body), 'utf-8')
    print(path)
    return path


def _defaults(mode: Mode, options: Options) -> Any:
  """The options of a mode, in which that is as on the page which has the same name there."""
  shared = {'build': options.build, 'best': options.best}
  known = {field.name for field in dataclasses.fields(mode.options)}
  return mode.options(**{name: value for name, value in shared.items() if name in known})


def _there_already(mode: str, run: Run, workdir: pathlib.Path) -> dict[str, Any] | None:
  if not (workdir / f'{mode}.json').exists():
    return None
  try:
    record = results.read_record(workdir, mode)
  except UserError as error:
    print(error)
    return None
  # Where datasets are does not decide what was found; what they are does.
  then, now = record.get('config', {}), json.loads(run.config.to_json())
  same = record.get('step') == run.step and {**then, 'data_dir': ''} == {**now, 'data_dir': ''}
  return record if same and _of_same_data(record, run) else None


def _of_same_data(record: Mapping[str, Any], run: Run) -> bool:
  for name, before in record.get('data', {}).items():
    try:
      now = open_dataset(name, run.config.data_dir or None).identity
    except UserError:
      continue  # What was found holds without the data.
    if json.loads(json.dumps(dict(now))) != before:
      return False
  return True


def _section(mode: str, record: Mapping[str, Any], workdir: pathlib.Path) -> str:
  text = html.escape((workdir / f'{mode}.txt').read_text('utf-8'))
  # The notes, a sentence or two to a line, come before the tables.
  notes, _, tables = text.partition('\n\n')
  options = ' '.join(f'--{name}={_flag(value)}' for name, value in record['options'].items())
  figures = sorted(
    path
    for path in [*workdir.glob(f'{mode}.*'), *workdir.glob(f'{mode}-*.*')]
    if path.suffix in _MEDIA
  )
  return '\n'.join(
    [
      f'<h2>{mode}</h2>',
      f'<p><code>--mode={mode} {html.escape(options)}</code></p>',
      *(f'<p>{note}</p>' for note in notes.splitlines()),
      f'<pre>{tables}</pre>',
      *(
        f'<img alt="{path.name}" title="{path.name}" src="data:{_MEDIA[path.suffix]};base64,'
        f'{base64.b64encode(path.read_bytes()).decode()}">'
        for path in figures
      ),
    ]
  )


def _decided(run: Run, records: list[Mapping[str, Any]]) -> str:
  """What decided the numbers: config, versions, seeds."""
  versions = results.versions()
  # Results that were there may have been computed elsewhere.
  versions |= {
    f'{name} of {record["mode"]}': version
    for record in records
    for name, version in record['versions'].items()
    if version != versions[name]
  }
  seeds = {'run': run.config.seed}
  seeds |= {
    record['mode']: seed for record in records if (seed := record['seeds']['mode']) is not None
  }
  parts = {'Config': run.config.to_dict(), 'Versions': versions, 'Seeds': seeds}
  return '\n'.join(f'<h2>{name}</h2>\n{_pairs(values)}' for name, values in parts.items())


def _pairs(values: Mapping[str, Any]) -> str:
  rows = ''.join(
    f'<tr><td>{html.escape(str(name))}</td><td>{html.escape(str(value))}</td></tr>\n'
    for name, value in values.items()
  )
  return f'<table>{rows}</table>'


def _flag(value: Any) -> str:
  return ','.join(map(str, value)) if isinstance(value, list) else str(value)


MODE = Report('report', __doc__, Options)
