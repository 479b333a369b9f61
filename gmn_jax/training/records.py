"""The lines of `metrics.jsonl`, read: by a run that goes on, and by whoever draws or compares."""

import json
import numbers
import os
import pathlib
import sys
from typing import Any

from gmn_jax.training.byproducts import move_aside
from mese_env.errors import UserError

FILE_NAME = 'metrics.jsonl'
Record = dict[str, Any]


def read_records(path: pathlib.Path) -> list[Record]:
  """What a run measured, line by line: `step`, `split`, and numbers or lists of numbers by name.

  A last line that is still being written is left out.

  Raises:
    UserError: the file is not there, or a line of it cannot be read; names the line.
  """
  try:
    lines = _lines(path)
  except FileNotFoundError as error:
    raise UserError(f'there is no {path}; give the folder of a run that was trained.') from error
  except OSError as error:
    raise UserError(
      f'{path} cannot be read ({error.strerror}); see to it, or give another run.'
    ) from error
  found = [_record(line) for line in lines]
  if None in found:
    raise UserError(
      f'line {found.index(None) + 1} of {path} cannot be read; keep a copy of the file, and take '
      'that line out of it.'
    )
  return [record for record in found if record is not None]


def keep_until(path: pathlib.Path, step: int) -> None:
  """Drops the lines of later steps, which a run that goes on after `step` writes again.

  A file with lines that cannot be read is kept under another name, which stderr is told.

  Raises:
    OSError: the file can neither be written nor moved.
  """
  try:
    lines = _lines(path)
  except FileNotFoundError:
    return
  except OSError as error:
    print(f'{path} cannot be read ({error.strerror}){_set_aside(path)}', file=sys.stderr)
    return
  records = [_record(line) for line in lines]
  kept = [
    line + b'\n'
    for line, record in zip(lines, records, strict=True)
    if record is not None and record['step'] <= step
  ]
  whole = path.with_suffix('.tmp')
  whole.write_bytes(b''.join(kept))
  if None in records:
    line = records.index(None) + 1
    print(f'line {line} of {path} cannot be read{_set_aside(path)}', file=sys.stderr)
  os.replace(whole, path)


def _set_aside(path: pathlib.Path) -> str:
  """Moves a file to another name; returns the end of the sentence that says so."""
  aside = move_aside(path, path.with_stem(f'{path.stem}-unreadable'))
  return f'; the file was moved to {aside}, and what can be read of it is kept.'


def _lines(path: pathlib.Path) -> list[bytes]:
  """The lines; a last one that does not end is left out unless it is whole: a run that is under
  way, or was killed, was writing it.
  """
  *lines, rest = path.read_bytes().split(b'\n')
  return lines if _record(rest) is None else [*lines, rest]


def _record(line: bytes) -> Record | None:
  """What a line says; None where it cannot be read."""
  try:
    record = json.loads(line)
  except (ValueError, RecursionError):
    return None
  if not isinstance(record, dict):
    return None
  step, split = record.get('step'), record.get('split')
  measured = [value for name, value in record.items() if name not in ('step', 'split')]
  readable = type(step) is int and isinstance(split, str) and all(map(_is_number, measured))
  return record if readable else None


def _is_number(value: Any) -> bool:
  values = value if isinstance(value, list) else [value]
  return all(isinstance(each, numbers.Real) for each in values)
