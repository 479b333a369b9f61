"""Generation of a dataset that is killed, and a dataset that is damaged."""

import json
import pathlib
import shutil
import signal
from collections.abc import Iterator

import numpy as np

from experiments.faults.outcomes import Outcome
from experiments.faults.processes import Command, refused, run, sentence
from experiments.faults.training import Trainer

_KILLS = 10
_CONFIG = {
  'name': 'faults',
  'num_train': 1_100,
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
  code, errors = run(_build(whole), trainer.compiled)
  assert code == 0, errors
  done, repeated = 0, 0
  for _ in range(_KILLS):
    before = _chunks(killed)
    target = len(before) + int(rng.integers(0, 3))
    command = Command(_build(killed), trainer.compiled)
    reached = lambda target=target: len(_chunks(killed)) >= target and _started(killed)  # noqa: E731
    done += command.stop_when(reached, float(rng.uniform(0, 0.3)), signal.SIGKILL)
    command.finish()
    repeated += len(before.keys() - _chunks(killed).keys())
  code, errors = run(_build(killed), trainer.compiled)
  same = code == 0 and _files(killed) == _files(whole)
  yield Outcome(
    f'{done} SIGKILLs at random moments of generation',
    'the same command goes on from the finished chunks; the files are the same bytes',
    f'files {"equal" if same else "differ from"} those of the build left alone',
    f'{repeated} finished chunks; what is in work, at most 50 scenes a core',
    same and done == _KILLS and not repeated,
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
    verified, _ = run(['-m', 'tfds_mese', 'verify', str(file.parent), '--scenes=0'], copy)
    code, errors = run(['-c', _READ, str(copy)], copy)
    yield Outcome(
      kind,
      '`verify` finds it and exits with 1; reading names it and exits with 2',
      f'exit codes {verified} and {code}: "{sentence(errors)[:60]}..."',
      'nothing is read silently',
      verified == 1 and refused(code, errors),
    )


def _build(data_dir: pathlib.Path) -> list[str]:
  return ['-m', 'tfds_mese', f'--config={json.dumps(_CONFIG)}', f'--data_dir={data_dir}']


def _chunks(data_dir: pathlib.Path) -> dict[str, int]:
  """Finished chunks, and when each was written."""
  paths = data_dir.glob('tfds_mese/faults/chunks-*/*.npz')
  return {path.name: path.stat().st_mtime_ns for path in paths}


def _started(data_dir: pathlib.Path) -> bool:
  return any(data_dir.glob('tfds_mese/faults/chunks-*/*.partial'))


def _files(data_dir: pathlib.Path) -> dict[str, bytes]:
  return {path.name: path.read_bytes() for path in data_dir.glob('tfds_mese/faults/*/*')}


def _flip(file: pathlib.Path) -> None:
  content = bytearray(file.read_bytes())
  content[2000] ^= 1
  file.write_bytes(content)


def _truncate(file: pathlib.Path) -> None:
  file.write_bytes(file.read_bytes()[:-1000])
