"""A long evaluation in blocks of scenes, each kept on disk, so that the same command continues."""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import shutil
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from experiments.evaluation.results import replacing, versions
from gmn_jax.training.checkpoint import Run
from mese_env.progress import Progress
from tfds_mese.dataset import Dataset

Block = dict[str, np.ndarray]


def fingerprint(run: Run, datasets: Sequence[Dataset], options: Any) -> str:
  """A word for everything that decides an evaluation's numbers: the parameters, the config, the
  options, the scenes and the versions of what computes.
  """
  decides = {
    'config': run.config.to_dict(),
    'options': [type(options).__module__, dataclasses.asdict(options)],
    'datasets': [dict(dataset.metadata) | dict(dataset.identity) for dataset in datasets],
    'versions': versions(),
  }
  digest = hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode())
  for leaf in jax.tree.leaves((run.params, run.ranges)):
    digest.update(np.ascontiguousarray(leaf).tobytes())
  return digest.hexdigest()[:16]


def in_blocks(folder: pathlib.Path, count: int, compute: Callable[[int], Block]) -> Block:
  """Computes blocks 0 .. count - 1, or reads those that are in `folder`, and joins them.

  Args:
    folder: of this evaluation alone, named by its `fingerprint`; removed by `forget`.
    count: of blocks.
    compute: the arrays of a block, scenes leading.

  Returns:
    The arrays, joined over the leading axis.

  Raises:
    UserError: a block cannot be written.
  """
  blocks = [_read(folder / f'{number}.npz') for number in range(count)]
  with Progress('blocks', total=count, done=sum(block is not None for block in blocks)) as progress:
    for number, block in enumerate(blocks):
      if block is None:
        blocks[number] = computed = compute(number)
        with replacing(folder / f'{number}.npz') as path, path.open('wb') as file:
          np.savez(file, **computed)
        progress.advance(1)
  return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def forget(folder: pathlib.Path) -> None:
  """Removes the blocks of an evaluation whose results are written."""
  shutil.rmtree(folder, ignore_errors=True)


def _read(path: pathlib.Path) -> Block | None:
  # A damaged block is computed again.
  with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile), np.load(path) as file:
    return dict(file)
  return None
