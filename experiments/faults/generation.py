"""Generation of a dataset that is killed, and a dataset that is damaged."""

import json
import os
import pathlib
import shutil
import signal
from collections.abc import Iterator

import numpy as np

from experiments.faults.outcomes import Outcome
from experiments.faults.processes import Command, run
from experiments.faults.trainer import Trainer, require

_KILLS = 10
CONFIG = {
  'name': 'faults',
  'num_train': 10,
  'num_val': 4,
  'num_test': 4,
  'scene': {'num_looks': 4, 'num_grasps': 4, 'image_size': 8},
}
# Of one look and grasp, so that many scenes take no time.
_MANY = {
  'num_train': 1_600,
  'num_val': 50,
  'num_test': 50,
  'scene': {'num_looks': 1, 'num_grasps': 1, 'image_size': 8},
}
_READ = """
import sys
from mese_env.errors import exit_on_user_error
from tfds_mese.reading import open_dataset
with exit_on_user_error():
  for scene in open_dataset('faults', sys.argv[1]).splits['train']:
    pass
"""


def kills_and_corruption(trainer: Trainer) -> Iterator[Outcome]:
  """SIGKILL of a build; then a flipped byte, a truncated file and a missing one."""
  rng = np.random.default_rng(3)
  whole, killed = trainer.folder / 'whole', trainer.folder / 'killed_build'
  require(run(build(whole, **_MANY), trainer.compiled))
  at_work, repeated = 0, 0
  for _ in range(_KILLS):
    before = _chunks(killed)
    command = Command(build(killed, **_MANY), trainer.compiled)
    # It has finished a chunk, so that it is at work on the next ones, not at its imports.
    reached = lambda before=before: len(_chunks(killed)) > len(before)  # noqa: E731
    at_work += command.stop_when(reached, float(rng.uniform(0, 0.3)), signal.SIGKILL)
    command.finish()
    repeated += len(before.keys() - _chunks(killed).keys())
  ended = run(build(killed, **_MANY), trainer.compiled)
  same = ended.fine and _files(killed) == _files(whole)
  yield Outcome(
    f'{at_work} SIGKILLs at random moments of generation, each within a chunk',
    'the same command goes on from the finished chunks; the files are the same bytes',
    f'files {"equal" if same else "differ from"} those of the build left alone',
    f'{repeated} finished chunks; what is in work, at most 50 scenes a core',
    same and at_work == _KILLS,
    repeated,
  )
  for kind, damage in (
    ('a flipped byte in a record', _flip),
    ('a truncated file of records', _truncate),
    ('a missing file of records', pathlib.Path.unlink),
  ):
    copy = trainer.folder / damage.__name__
    shutil.copytree(whole, copy)
    file = min(copy.glob('tfds_mese/faults/*/*-train.*'))
    damage(file)
    verified = run(['-m', 'tfds_mese', 'verify', str(file.parent), '--scenes=0'], copy)
    read = run(['-c', _READ, str(copy)], copy)
    yield Outcome(
      kind,
      '`verify` finds it and exits with 1; reading names it and exits with 2',
      f'exit codes {verified.code} and {read}',
      'nothing is read silently',
      verified.found(str(file)) and read.refused(),
    )


def build(data_dir: pathlib.Path, **fields: object) -> list[str]:
  """Of Python, to build the small dataset with some of its fields changed."""
  return ['-m', 'tfds_mese', f'--config={json.dumps(CONFIG | fields)}', f'--data_dir={data_dir}']


def data_of(data_dir: pathlib.Path) -> pathlib.Path:
  """The folder of the files of what was built."""
  return min(data_dir.glob('tfds_mese/faults/*/dataset_info.json')).parent


def chunks_folder(data_dir: pathlib.Path) -> pathlib.Path:
  """The folder of the chunks of a build that is not finished."""
  return min(data_dir.glob('tfds_mese/faults/chunks-*'))


def _chunks(data_dir: pathlib.Path) -> dict[str, int]:
  """Finished chunks, and when each was written."""
  paths = data_dir.glob('tfds_mese/faults/chunks-*/*.npz')
  return {path.name: path.stat().st_mtime_ns for path in paths}


def _files(data_dir: pathlib.Path) -> dict[str, bytes]:
  return {path.name: path.read_bytes() for path in data_dir.glob('tfds_mese/faults/*/*')}


def _flip(file: pathlib.Path) -> None:
  content = bytearray(file.read_bytes())
  content[2000] ^= 1
  file.write_bytes(content)


def _truncate(file: pathlib.Path) -> None:
  os.truncate(file, file.stat().st_size - 1000)
