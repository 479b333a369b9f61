"""Loads what was damaged, again and again in one process, and says what became of it.

python -m experiments.faults.flipped KIND FOLDER

Each line of standard input is the path of a folder that is FOLDER but for a bit; the answer is a
line of JSON, with 'named' (in a sentence), 'harmless' (the same bits were loaded) or
'silent' (other bits were, or a traceback).
"""

import contextlib
import hashlib
import io
import json
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from mese_env.errors import UserError

Load = Callable[[pathlib.Path], Any]


def serve(load: Load, whole: pathlib.Path) -> None:
  """Answers for each folder that standard input names.

  Args:
    load: what a folder holds, as arrays, numbers and words.
    whole: the folder before it was damaged.
  """
  answers, sys.stdout = sys.stdout, sys.stderr  # What is printed on the way is no answer.
  expected = digest(load(whole))
  for line in sys.stdin:
    verdict, why = _judge(load, pathlib.Path(line.strip()), expected)
    print(json.dumps({'verdict': verdict, 'why': why[:200]}), file=answers, flush=True)


def _judge(load: Load, folder: pathlib.Path, expected: str) -> tuple[str, str]:
  said = io.StringIO()
  try:
    with contextlib.redirect_stderr(said):
      same = digest(load(folder)) == expected
  except UserError as error:
    return 'named', str(error)
  except Exception as error:  # What a user would see as a traceback.
    return 'silent', f'{type(error).__name__}: {error}'
  # Repaired, or left out where nothing depends on it: with a line that names it.
  for line in said.getvalue().splitlines():
    if str(folder) in line and ('cannot be read' in line or 'damaged' in line):
      return 'named', line
  return ('harmless', '') if same else ('silent', 'other numbers were loaded')


def digest(loaded: Any) -> str:
  """A word for every bit of what was loaded."""
  found = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(loaded):
    array = as_numbers(leaf)
    found.update(f'{jax.tree_util.keystr(path)} {array.dtype} {array.shape}'.encode())
    found.update(array.tobytes() if array.dtype != object else repr(leaf).encode())
  return found.hexdigest()


def as_numbers(leaf: Any) -> np.ndarray:
  """A leaf of a tree as an array; of a key, its words."""
  if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    leaf = jax.random.key_data(leaf)
  return np.asarray(leaf)


def _model(folder: pathlib.Path) -> Any:
  """A run's model, as evaluations load it."""
  from gmn_jax.checkpoint import load_run

  run = load_run(folder)
  return run.config.to_dict(), run.params, _spans(run.ranges), run.step


def _run() -> Load:
  """A run, as training goes on with it, and its best checkpoint."""
  from gmn_jax.checkpoint import load_run
  from gmn_jax.training.checkpoint import Checkpoints
  from gmn_jax.training.prepare import prepare
  from tfds_mese.reading import open_dataset

  prepared = {}

  def load(folder: pathlib.Path) -> Any:
    run = load_run(folder)
    if not prepared:
      dataset = open_dataset(run.config.dataset)
      prepared.update(dataset=dataset, run=prepare(run.config, dataset))
    of, batches = prepared['run'], prepared['run'].batches
    with Checkpoints(folder, *_identity(prepared['dataset'])) as checkpoints:
      state = checkpoints.restore(of.like, batches, run.config, of.ranges)
    read = {'params': state.params, 'optimiser': state.opt_state, 'step': state.step}
    best = load_run(folder, best=True)
    batch = json.dumps(batches.get_state(), sort_keys=True, default=str)
    return read, state.key, batch, _model(folder), best.step, best.params

  return load


def _identity(dataset: Any) -> tuple[Any, ...]:
  return (dataset.identity,) if hasattr(dataset, 'identity') else ()


def _dataset(folder: pathlib.Path) -> Any:
  """Every scene of a built dataset, and what is known of it."""
  from tfds_mese.reading import open_dataset

  dataset = open_dataset('faults', folder)
  scenes = {
    name: [split[position] for position in range(len(split))]
    for name, split in dataset.splits.items()
  }
  return scenes, _spans(dataset.ranges), json.dumps(dict(dataset.metadata), sort_keys=True)


def _chunk(folder: pathlib.Path) -> Any:
  """The scenes of a cached chunk, as a build takes them."""
  from mese_env import SceneConfig
  from tfds_mese import chunks

  chunk = chunks.Chunk(SceneConfig(num_looks=1, num_grasps=1, image_size=8), 0, 0, 6)
  path = chunk.path(folder)
  if not path.exists():
    chunks.write_chunk(chunk, folder)
  try:
    return list(chunks.read_chunks([chunk], folder))
  except UserError as error:
    if path.exists():
      raise RuntimeError('the damaged chunk is kept, and stops every build') from error
    raise


def _spans(ranges: Mapping[str, Any]) -> Any:
  return {name: [np.asarray(end) for end in span] for name, span in ranges.items()}


_KINDS: dict[str, Callable[[], Load]] = {
  'checkpoint': _run,
  'model': lambda: _model,
  'dataset': lambda: _dataset,
  'chunk': lambda: _chunk,
}

if __name__ == '__main__':
  with contextlib.suppress(KeyboardInterrupt):
    serve(_KINDS[sys.argv[1]](), pathlib.Path(sys.argv[2]))
