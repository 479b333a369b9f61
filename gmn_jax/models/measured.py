"""What was measured of a run's model, gathered from the files in its folder."""

import json
import pathlib
import types
from collections.abc import Mapping
from typing import Any

from gmn_jax.training.records import FILE_NAME, read_records


def measured(
  workdir: pathlib.Path, step: int, before: Mapping[str, Any] = types.MappingProxyType({})
) -> dict[str, Any]:
  """The last validation up to a step, and what evaluations found at it.

  Args:
    workdir: of the run.
    step: of the model.
    before: what was found earlier, which stays where nothing else was found since.

  Raises:
    UserError: the file of the validations cannot be read.
  """
  found = dict(before)
  if (workdir / FILE_NAME).exists():
    validations = [
      {key: value for key, value in record.items() if key != 'split'}
      for record in read_records(workdir / FILE_NAME)
      if record['split'] == 'val' and record['step'] <= step
    ]
    if validations:
      found['validation'] = validations[-1]
  evaluations = dict(found.get('evaluations', {}))
  for path in sorted(workdir.glob('*.json')):
    record = _evaluation(path)
    if record.get('step') == step:
      evaluations[record['mode']] = {key: record.get(key) for key in ('dataset', 'results')}
  if evaluations:
    found['evaluations'] = evaluations
  return found


def _evaluation(path: pathlib.Path) -> dict[str, Any]:
  """What an evaluation wrote; empty where a file is something else, or cannot be read."""
  try:
    record = json.loads(path.read_text())
  except (OSError, ValueError, RecursionError):
    return {}
  written = isinstance(record, dict) and {'mode', 'step', 'results'} <= set(record)
  return record if written else {}
