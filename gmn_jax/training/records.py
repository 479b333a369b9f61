"""The numbers that a run wrote to `metrics.jsonl`, for whoever draws or compares."""

import pathlib
from typing import Any

from gmn_jax.trackers.jsonl import FILE_NAME, lines_of, parsed
from mese_env.errors import UserError

__all__ = ['FILE_NAME', 'Record', 'read_records']

Record = dict[str, Any]


def read_records(path: str | pathlib.Path) -> list[Record]:
  """What a run measured, line by line: `step`, `split`, and numbers or lists of numbers by name.

  A last line that is still being written is left out.

  Raises:
    UserError: the file is not there, or a line of it cannot be read; names the line.
  """
  path = pathlib.Path(path)
  try:
    lines = lines_of(path)
  except FileNotFoundError as error:
    raise UserError(
      f'there is no {path}; give the folder of a run that was trained, whose --config.track names '
      'jsonl.'
    ) from error
  except OSError as error:
    raise UserError(
      f'{path} cannot be read ({error.strerror}); see to it, or give another run.'
    ) from error
  found = [parsed(line) for line in lines]
  if None in found:
    raise UserError(
      f'line {found.index(None) + 1} of {path} cannot be read; keep a copy of the file, and take '
      'that line out of it.'
    )
  return [record for record in found if record is not None]
