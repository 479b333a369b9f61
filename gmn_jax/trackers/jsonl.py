"""The tracker `jsonl`: a file of JSON lines, which comparing, drawing and going on read again."""

import json
import numbers
import os
import pathlib
import sys
from typing import Any

from gmn_jax.trackers.tracker import Record, TrackedRun
from mese_env.folders import move_aside

FILE_NAME = 'metrics.jsonl'


class Lines:
  """Appends to `metrics.jsonl` in the workdir.

  The lines of steps after the one that the run goes on from are dropped, since it writes them
  again. A file with lines that cannot be read is kept under another name, which stderr is told.

  Args:
    run: whose numbers they are.

  Raises:
    OSError: the file can neither be written nor moved.
  """

  def __init__(self, run: TrackedRun):
    path = run.workdir / FILE_NAME
    _keep_until(path, run.step)
    self._file = path.open('a')

  def write(self, step: int, split: str, record: Record) -> None:
    """Writes a line.

    Raises:
      OSError: it cannot be written.
    """
    self._file.write(json.dumps({'step': step, 'split': split, **record}) + '\n')
    self._file.flush()

  def close(self, finished: bool) -> None:
    """Closes the file.

    Raises:
      OSError: its end cannot be written.
    """
    del finished
    self._file.close()


def lines_of(path: pathlib.Path) -> list[bytes]:
  """The lines; a last one that does not end is left out unless it is whole: a run that is under
  way, or was killed, was writing it.

  Raises:
    OSError: the file is not there, or cannot be read.
  """
  *lines, rest = path.read_bytes().split(b'\n')
  return lines if parsed(rest) is None else [*lines, rest]


def parsed(line: bytes) -> dict[str, Any] | None:
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


def _keep_until(path: pathlib.Path, step: int) -> None:
  try:
    lines = lines_of(path)
  except FileNotFoundError:
    return
  except OSError as error:
    print(f'{path} cannot be read ({error.strerror}){_set_aside(path)}', file=sys.stderr)
    return
  records = [parsed(line) for line in lines]
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
