"""What a build takes, said before it begins."""

import pathlib
import shutil
import sys
from collections.abc import Sequence

from tensorflow_datasets.core import utils

from mese_env.errors import UserError, duration
from tfds_mese.chunks import Chunk

# Measured with 15 looks and 15 grasps at 64x64: the time on one core of a two-core cloud machine.
# The slower hands' are the default's by the ratios of `experiments/bench/env.py` (docs/hands.md).
_SECONDS_PER_SCENE = {'primitive': 0.22, 'mesh': 0.39, 'fidelity': 1.4}
_BYTES_PER_SCENE = 13_000


def announce(
  name: str, chunks: Sequence[Chunk], cache: pathlib.Path, hand: str, num_workers: int, root: str
) -> None:
  """Says what a build will cost and refuses one that the disk cannot hold.

  Args:
    name: of the dataset.
    chunks: of its scenes.
    cache: folder of those that are there already.
    hand: that of its scenes.
    num_workers: processes that generate the others.
    root: where datasets are.

  Raises:
    UserError: the disk is too small.
  """
  total = sum(map(len, chunks))
  left = sum(len(chunk) for chunk in chunks if not chunk.path(cache).exists())
  # The cache and the files exist side by side until the last file is written.
  need = utils.Size((total + left) * _BYTES_PER_SCENE)
  free = utils.Size(shutil.disk_usage(cache).free)
  seconds = left * _SECONDS_PER_SCENE[hand] / num_workers
  print(
    f'{name}: {total} scenes, {total - left} of them from an earlier run; about '
    f'{duration(seconds)} on {num_workers} processes; {need} of the {free} free, half of it when '
    f'done, in {root}',
    file=sys.stderr,
    flush=True,
  )
  if need > free:
    raise UserError(
      f'the disk of {root} has {free} free and the build needs {need}: free some space or choose '
      'another place with --data_dir.'
    )
