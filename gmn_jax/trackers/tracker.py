"""What a tracker is, and what it is told of its run."""

import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

# What was measured: numbers, or short vectors of numbers, by name.
Record = Mapping[str, float | list[float]]


class TrackedRun(NamedTuple):
  """The run whose numbers are tracked.

  Attributes:
    workdir: of the run, which is there.
    step: after which the run goes on; numbers of later steps come again.
    config: by field.
  """

  workdir: pathlib.Path
  step: int
  config: Mapping[str, Any]


class Tracker(Protocol):
  """Takes the numbers of a run; may raise whatever it likes, which ends it and not the run."""

  def write(self, step: int, split: str, record: Record) -> None:
    """Takes what was measured on a split after a step."""
    ...

  def close(self, finished: bool) -> None:
    """Ends the tracking; `finished` tells whether the run came to its last step."""
    ...


def scalars(split: str, record: Record) -> dict[str, float]:
  """A record as numbers by tag, 'split/name', and 'split/name/01' onwards for vectors."""
  found = {}
  for name, value in record.items():
    if isinstance(value, list):
      found |= {f'{split}/{name}/{part:02d}': number for part, number in enumerate(value, start=1)}
    else:
      found[f'{split}/{name}'] = value
  return found


def known_id(workdir: pathlib.Path, tracker: str) -> str | None:
  """By which name a service knows the run; None where it does not yet."""
  path = _id_file(workdir, tracker)
  return path.read_text().strip() or None if path.exists() else None


def keep_id(workdir: pathlib.Path, tracker: str, name: str) -> None:
  """Keeps that name in the workdir, so that a run that goes on is the same one to the service.

  Raises:
    OSError: it cannot be written.
  """
  _id_file(workdir, tracker).write_text(f'{name}\n')


def _id_file(workdir: pathlib.Path, tracker: str) -> pathlib.Path:
  return workdir / f'{tracker}-id.txt'
