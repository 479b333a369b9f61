"""A checkpoint on disk: all that is read of it is compared with its checksums."""

import functools
import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import orbax.checkpoint as ocp

from gmn_jax.training import checksum
from gmn_jax.training.description import written_by
from gmn_jax.training.distributed import leads
from gmn_jax.training.manifest import FILE_NAME, changed_file, has_manifest
from gmn_jax.training.unreadable import damaged, explain_unreadable
from mese_env.remarks import without_remarks

_CHECKSUMS = 'checksums'
# Orbax remarks that an item of a checkpoint is no checkpoint of its own.
_REMARKS = ('Metadata file does not exist',)


def with_checksums(
  description: Mapping[str, Any], arrays: Mapping[str, Any], records: Mapping[str, Any]
) -> dict[str, Any]:
  """The description of a run with the checksums of it and of all that is saved beside it.

  Args:
    description: as JSON.
    arrays: by item, the checksum of each array.
    records: by item, what else is saved, as JSON.
  """
  sums = {name: checksum.of_json(record) for name, record in records.items()}
  return {
    **description,
    _CHECKSUMS: {**arrays, **sums, 'run': checksum.of_json(description)},
  }


class Stored:
  """A checkpoint, of which some items are to be read.

  Args:
    folder: of the checkpoint.
    items: 'params', 'training', 'data' or 'run', which always is.

  Attributes:
    run: the description of its run.

  Raises:
    UserError: a file is not as it was written, or cannot be read.
  """

  def __init__(self, folder: pathlib.Path, *items: str):
    self._folder, self._whole = folder, ''
    with explain_unreadable(folder):
      changed = changed_file(folder, {'run', *items})
      if changed not in (None, folder / FILE_NAME):
        raise damaged(folder, f'{changed.relative_to(folder)} is not as it was written')
      self.run = self._read_json('run')
      self._sums = self.run.pop(_CHECKSUMS, None)
    if self._sums is None:
      _say_unchecked(folder)
    self._check('run', checksum.of_json(self.run))
    if changed:
      # Beside the checksums of arrays and records, this is the second check.
      print(f'{changed} is damaged itself, and was not used.', file=sys.stderr)
    elif has_manifest(folder):
      self._whole = written_by(self.run)

  def record(self, item: str) -> Any:
    """An item that was saved as JSON."""
    with explain_unreadable(self._folder, self._whole):
      record = self._read_json(item)
    self._check(item, checksum.of_json(record))
    return record

  def arrays(self, item: str, like: Any) -> Any:
    """An item of arrays.

    Args:
      item: its name.
      like: `jax.ShapeDtypeStruct`s with the shardings wanted.
    """
    with (
      explain_unreadable(self._folder, self._whole),
      without_remarks('absl', *_REMARKS),
      ocp.StandardCheckpointer() as reader,
    ):
      arrays = reader.restore(self._folder / item, like)
    self._check(item, checksum.of_arrays(arrays))
    return arrays

  def _read_json(self, item: str) -> Any:
    # Where orbax's handler of JSON writes it.
    return json.loads((self._folder / item / 'metadata').read_text())

  def _check(self, item: str, found: str | Mapping[str, str]) -> None:
    if self._sums is None or self._sums.get(item) == found:
      return
    of = item
    if isinstance(found, Mapping):
      expected = self._sums.get(item) or {}
      of += next(name for name in {**found, **expected} if found.get(name) != expected.get(name))
    raise damaged(self._folder, f'{of} is not what was saved')


@functools.cache
def _say_unchecked(folder: pathlib.Path) -> None:
  if leads():
    print(
      f'the checkpoint {folder} was saved without checksums, so that damage to it goes unnoticed.',
      file=sys.stderr,
    )
