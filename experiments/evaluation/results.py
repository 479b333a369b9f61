"""What an evaluation found, and the one way in which it is written: JSON, text and pictures."""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation.titles import title_of
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError, first_line


@dataclasses.dataclass(frozen=True)
class Table:
  """Numbers for people.

  Attributes:
    title: what they are, with their unit.
    columns: heads.
    rows: strings as they are to be shown, as many as there are columns.
  """

  title: str
  columns: Sequence[str]
  rows: Sequence[Sequence[str]]

  def __str__(self) -> str:
    lines = [list(self.columns), *map(list, self.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
      '  '.join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
      for line in lines
    ]
    return '\n'.join([self.title, '', shown[0], '-' * max(map(len, shown)), *shown[1:]])


@dataclasses.dataclass(frozen=True)
class Results:
  """What an evaluation found.

  Attributes:
    mode: its name.
    run: what it evaluated.
    options: the mode's, a dataclass.
    dataset: the names of the datasets whose scenes it took.
    numbers: everything measured: dataclasses, mappings, lists, arrays, numbers; none of them NaN or
      infinite. Of a dataclass a field that is None is left out.
    tables: the same for people.
    notes: sentences that say what the numbers are: unit, estimator, how many scenes and samples.
    seconds: how long it took.
    data: what those datasets are, by name (`tfds_mese.dataset.Dataset.identity`).
  """

  mode: str
  run: Run
  options: Any
  dataset: Sequence[str]
  numbers: Any
  tables: Sequence[Table]
  notes: Sequence[str]
  seconds: float
  data: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

  def __str__(self) -> str:
    of_what = (
      f'{self.mode}: {title_of(self.run, "preset ")}, on {", ".join(self.dataset)}; took '
      f'{self.seconds:.0f} s.'
    )
    return '\n\n'.join(['\n'.join([of_what, *self.notes]), *map(str, self.tables)]) + '\n'

  def to_json(self) -> str:
    """The numbers beside all that decided them."""
    record = {
      'mode': self.mode,
      'step': self.run.step,
      'dataset': list(self.dataset),
      'data': {name: dict(identity) for name, identity in self.data.items()},
      'options': dataclasses.asdict(self.options),
      'config': self.run.config.to_dict(),
      'seeds': {'run': self.run.config.seed, 'mode': getattr(self.options, 'seed', None)},
      'commit': commit(),
      'versions': versions(),
      'seconds': round(self.seconds, 1),
      'notes': list(self.notes),
      'results': self.numbers,
    }
    return json.dumps(record, indent=2, default=_plain, allow_nan=False) + '\n'


def write(results: Results, figures: Mapping[str, Figure], workdir: pathlib.Path) -> None:
  """Writes `<mode>.json`, `<mode>.txt` and the figures, whole or not at all, and prints the text.

  Results of another step, other options, data or config that are there are moved to
  `former/<mode>-<number>`, and that is said; results of the same are replaced.

  Args:
    results: of an evaluation.
    figures: by what their names add to the mode's: '' for `<mode>.png`, 'x' for `<mode>-x.png`.
    workdir: of the run.

  Raises:
    UserError: the folder cannot be written.
  """
  content = results.to_json()
  _keep_former(results.mode, json.loads(content), workdir)
  for name, figure in figures.items():
    with replacing(workdir / f'{results.mode}{"-" if name else ""}{name}.png') as path:
      figure.savefig(path, dpi=200)
  for suffix, text in (('txt', str(results)), ('json', content)):
    with replacing(workdir / f'{results.mode}.{suffix}') as path:
      path.write_text(text)
  print(results)
  print(f'{workdir / results.mode}.json, .txt, .png')


def read_record(workdir: pathlib.Path, mode: str) -> dict[str, Any]:
  """What an evaluation wrote, numbers under 'results'.

  Raises:
    UserError: the file is not there, or damaged.
  """
  path = workdir / f'{mode}.json'
  try:
    record = json.loads(path.read_text())
    if not isinstance(record, dict) or 'results' not in record:
      raise ValueError('it is not what an evaluation writes')
    return record
  except (OSError, ValueError) as error:
    raise UserError(
      f'{path} cannot be read ({first_line(error)}); move it away, and run --mode={mode} again.'
    ) from error


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields a path to write to, which takes the place of `path` once it is complete.

  Raises:
    UserError: it cannot be written.
  """
  unfinished = path.with_name(f'.{os.getpid()}.{path.name}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    yield unfinished
    os.replace(unfinished, path)
  except OSError as error:
    raise UserError(
      f'cannot write {path} ({error.strerror or error}); make room or give another --workdir.'
    ) from error
  finally:
    with contextlib.suppress(OSError):
      unfinished.unlink()


def with_error(mean: float, error: float, digits: int = 3) -> str:
  """A mean and its standard error for a table, as in '0.912 ± 0.004'."""
  return f'{mean:.{digits}f} ± {error:.{digits}f}'


def counted(count: int, things: str) -> str:
  """'1 view', '2 views': a count of things, whose plural ends in s."""
  return f'{count} {things.removesuffix("s") if count == 1 else things}'


def mean_and_error(values: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
  """The mean over an axis and its standard error, from the sample variance; zero of one value."""
  count = values.shape[axis]
  if count < 2:
    return values.mean(axis=axis), np.zeros_like(values.mean(axis=axis))
  return values.mean(axis=axis), values.std(axis=axis, ddof=1) / np.sqrt(count)


def versions() -> dict[str, str]:
  """Of what computes: packages, Python, and the device."""
  names = ('gmn-jax', 'jax', 'flax', 'numpy')
  device = jax.devices()[0]
  return {
    **{name: _version(name) for name in names},
    'python': platform.python_version(),
    'device': f'{len(jax.devices())} x {device.device_kind} ({device.platform})',
  }


def commit() -> str:
  """Of the checkout; no version, for it changes with every sentence of the documents."""
  git = ['git', '-C', str(pathlib.Path(__file__).parent), 'rev-parse', '--short=10', 'HEAD']
  try:
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
  except (OSError, subprocess.CalledProcessError):
    return 'unknown: not a git checkout'


def _version(name: str) -> str:
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return 'not installed'  # Run from a checkout on the path.


def _keep_former(mode: str, record: Mapping[str, Any], workdir: pathlib.Path) -> None:
  path = workdir / f'{mode}.json'
  if not path.exists():
    return
  # One that cannot be read is kept too.
  with contextlib.suppress(ValueError, AttributeError):
    former = json.loads(path.read_text())
    same = (former.get(key) == record[key] for key in ('step', 'dataset', 'options', 'config'))
    # Earlier versions did not say what the data were.
    if all(same) and former.get('data', record['data']) == record['data']:
      return
  number = 1
  while (folder := workdir / 'former' / f'{mode}-{number}').exists():
    number += 1
  folder.mkdir(parents=True)
  for file in [*workdir.glob(f'{mode}.*'), *workdir.glob(f'{mode}-*.*')]:
    os.replace(file, folder / file.name)
  print(
    f'The former results of {mode}, of other options, data or another step, are now in {folder}.'
  )


def _plain(value: Any) -> Any:
  if dataclasses.is_dataclass(value):
    return {name: part for name, part in vars(value).items() if part is not None}
  if isinstance(value, np.ndarray | np.generic | jax.Array):
    return np.asarray(value).tolist()
  raise TypeError(f'{type(value)} is not for JSON')
