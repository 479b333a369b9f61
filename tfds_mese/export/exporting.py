"""Writes an export: file by file, each read back and compared, the folder named when it is whole.

Until then it is `<folder>.incomplete`, and the same command continues there: what an earlier run
left is read, and kept where it is what would be written.
"""

import contextlib
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

import mese_env
from mese_env import folders
from mese_env.errors import UserError, explain_full_disk, explain_unwritable
from mese_env.progress import Progress
from tfds_mese import lock, stored
from tfds_mese.dataset import Dataset, Scene, Source
from tfds_mese.export import card, columns, croissant, manifest
from tfds_mese.export.columns import Column
from tfds_mese.export.formats import Format
from tfds_mese.export.meanings import is_built

# Of arrays in memory, in a file: of MESE scenes, which PNG and Parquet shrink to a fifteenth, some
# 2,700; photographs hardly shrink.
_FILE_BYTES = 2**29
# Scenes that are written to learn how large the others will be, and what is added for doubt.
_SAMPLE, _DOUBT = 16, 1.05
_HALF = '.partial'
_ELSEWHERE = 'give another folder to --out.'
_NOTICE = pathlib.Path(mese_env.__file__).parent / 'data' / 'NOTICE'


class _Shard(NamedTuple):
  """A file to write: scenes first .. first + length - 1 of a split."""

  split: str
  first: int
  length: int
  path: str


def export(dataset: Dataset, name: str, form: Format, out: pathlib.Path) -> None:
  """Writes a dataset into a new folder that others can read.

  Args:
    dataset: all arrays of all its scenes are written.
    name: of it, for the card.
    form: of the files.
    out: the folder, which must not be there yet, or be empty.

  Raises:
    UserError: the folder is taken, in use or cannot be written, the disk is full or too small, or
      what the format needs is not installed.
  """
  form.require_library()
  refuse_taken(out)
  out = out if out.name else out.resolve()
  found = columns.columns_of(dataset.splits['train'][0])
  shards = _shards(dataset.splits, found, form)
  partial = out.with_name(f'{out.name}.incomplete')
  with _writing(out), _locked(partial):
    _clear(partial, shards)
    _announce(dataset, name, form, out, partial)
    files = list(_write_all(dataset.splits, shards, found, form, partial))
    whole = manifest.of_export(name, dataset, form, found, files)
    manifest.write(whole, partial)
    (partial / card.NAME).write_text(card.card(whole))
    croissant.write(croissant.of_export(whole), partial)
    if is_built(whole.metadata):
      shutil.copy(_NOTICE, partial)  # Its terms ask that it goes with what was made of the hand.
    (partial / lock.NAME).unlink()
    partial.rename(out)
  size = sum(file.bytes for file in files)
  print(f'{out} holds {name} as {form.name}: {_mib(size)}', file=sys.stderr, flush=True)


def refuse_taken(out: pathlib.Path) -> None:
  """Raises a UserError where an export cannot be made here, before there is something to lose."""
  with explain_unwritable(out, _ELSEWHERE):
    if out.exists() and any(out.iterdir()):
      raise UserError(f'--out is {out}, which is not empty; give a new folder.')
  folders.require_writable(out.parent, _ELSEWHERE)


def _shards(splits: Mapping[str, Source], found: Sequence[Column], form: Format) -> list[_Shard]:
  per_file = max(1, _FILE_BYTES // sum(column.bytes for column in found))
  shards = []
  for split, source in splits.items():
    starts = range(0, len(source), per_file)
    for number, first in enumerate(starts):
      file = form.template.format(split=split, number=number, count=len(starts))
      length = min(per_file, len(source) - first)
      shards.append(_Shard(split, first, length, f'{manifest.FOLDER}/{file}'))
  return shards


def _clear(partial: pathlib.Path, shards: Sequence[_Shard]) -> None:
  """Removes what a killed run left half-written; what is not of this export is never touched."""
  files = partial / manifest.FOLDER
  files.mkdir(exist_ok=True)
  for path in files.glob(f'*{_HALF}'):
    path.unlink()
  whole = {manifest.NAME, manifest.FOLDER, card.NAME, croissant.NAME, _NOTICE.name, lock.NAME}
  known = {partial / path for path in whole} | {partial / shard.path for shard in shards}
  for path in sorted([*partial.iterdir(), *files.iterdir()]):
    if path not in known:
      raise UserError(
        f'{partial} holds {path.name}, of another export that was not finished; remove {partial}, '
        'or give another folder to --out.'
      )


def _announce(
  dataset: Dataset, name: str, form: Format, out: pathlib.Path, partial: pathlib.Path
) -> None:
  """Says what the export will take and refuses one that the disk cannot hold."""
  total = sum(map(len, dataset.splits.values()))
  there = sum(path.stat().st_size for path in (partial / manifest.FOLDER).iterdir())
  need = max(0, _estimate(dataset, form, partial) - there)
  free = shutil.disk_usage(partial).free
  print(
    f'{name}: {total} scenes as {form.name}; about {_mib(need)} of the {_mib(free)} free, in {out}',
    file=sys.stderr,
    flush=True,
  )
  if need > free:
    raise UserError(
      f'the disk of {out} has {_mib(free)} free and the export needs about {_mib(need)}: free some '
      'space or give another folder to --out.'
    )


def _estimate(dataset: Dataset, form: Format, partial: pathlib.Path) -> int:
  """Bytes of an export, from a file of a few of its scenes."""
  source = dataset.splits['train']
  places = np.unique(np.linspace(0, len(source) - 1, _SAMPLE).astype(int)).tolist()
  path = partial / manifest.FOLDER / f'sample{_HALF}'
  scenes = (source[place] for place in places)
  form.write(path, scenes, columns.columns_of(source[0]), 0)
  size = path.stat().st_size
  path.unlink()
  return int(_DOUBT * size / len(places) * sum(map(len, dataset.splits.values())))


def _write_all(
  splits: Mapping[str, Source],
  shards: Sequence[_Shard],
  found: Sequence[Column],
  form: Format,
  partial: pathlib.Path,
) -> Iterator[manifest.File]:
  """Writes each file that is not there already; yields what the manifest holds of it."""
  with Progress('scenes', total=sum(shard.length for shard in shards)) as progress:
    for shard in shards:
      path, source = partial / shard.path, splits[shard.split]
      if not (path.exists() and _is_as_made(path, source, shard, found, form)):
        half = path.with_name(path.name + _HALF)
        form.write(half, _counted(source, shard, progress), found, shard.first)
        _sync(half)
        half.rename(path)
        if not _is_as_made(path, source, shard, found, form):
          raise UserError(
            f'{path} does not read back as it was written: the disk or the memory of this machine '
            'is faulty, or the data were changed meanwhile.'
          )
      else:
        progress.advance(shard.length)
      yield manifest.File(shard.split, shard.path, shard.length, **stored.measure_file(path))


def _counted(source: Source, shard: _Shard, progress: Progress) -> Iterator[Scene]:
  for position in range(shard.first, shard.first + shard.length):
    yield source[position]
    progress.advance(1)


def _is_as_made(
  path: pathlib.Path, source: Source, shard: _Shard, found: Sequence[Column], form: Format
) -> bool:
  """Whether each scene of a file is, bit for bit, that of the dataset."""
  try:
    scenes = form.read(path, found)
    return not any(
      columns.differing(scenes[i], source[shard.first + i]) for i in range(shard.length)
    )
  except UserError:  # The dataset's own: it is damaged.
    raise
  # What is damaged fails in Arrow, tar, PNG or NumPy, each with its own errors.
  except Exception:
    return False


def _sync(path: pathlib.Path) -> None:
  with path.open('rb') as file:
    os.fsync(file.fileno())


@contextlib.contextmanager
def _locked(partial: pathlib.Path) -> Iterator[None]:
  busy = UserError(f'another export into {partial} is running: wait for it or stop it.')
  with lock.held(partial, busy):
    try:
      yield
    finally:
      # What was refused leaves nothing.
      if {path.name for path in partial.rglob('*')} <= {lock.NAME, manifest.FOLDER}:
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def _writing(out: pathlib.Path) -> Iterator[None]:
  room = 'free some space and give the same command again, which continues.'
  with explain_full_disk(out, room), explain_unwritable(out, _ELSEWHERE):
    yield


def _mib(size: float) -> str:
  return f'{size / 2**20:,.1f} MiB'
