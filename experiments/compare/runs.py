"""The runs of a comparison, each carried out by processes of `main.py`, and none of it twice."""

import contextlib
import json
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from experiments import processes
from experiments.evaluation.results import replacing
from gmn_jax.config import differences

MAIN = pathlib.Path(__file__).resolve().parents[1] / 'main.py'
DONE = 'compare-done.json'  # in a run's folder: what has been done there


class Run(NamedTuple):
  """A training and its evaluations.

  Attributes:
    config: its name.
    seed: of the run.
    workdir: its folder.
    jobs: arguments of `main.py` by mode, in the order in which they are run, `train` first.
    fields: of the training's config, as JSON: a default that has changed makes another run.
  """

  config: str
  seed: int
  workdir: pathlib.Path
  jobs: Mapping[str, tuple[str, ...]]
  fields: str


class Comparison(NamedTuple):
  """What the command line asks for: the runs, where the table goes, and how many go at once."""

  workdir: pathlib.Path
  runs: tuple[Run, ...]
  at_once: int = 1


def carry_out_all(comparison: Comparison) -> int:
  """Does what has not been done of any run; returns the exit code of what failed, or 0.

  After a failure no further run is begun; those that are under way go on.
  """
  at_once = comparison.at_once
  with processes.Processes(share_gpu=at_once > 1) as running, ThreadPoolExecutor(at_once) as pool:
    failed = 0

    def unless_failed(run: Run) -> None:
      nonlocal failed
      if not failed and (code := carry_out(run, running.run)):
        print(
          f'{run.workdir} was not finished; the same command goes on from there.', file=sys.stderr
        )
        failed = code

    for done in [pool.submit(unless_failed, run) for run in comparison.runs]:
      done.result()
    return failed


def carry_out(run: Run, start: Callable[[Sequence[str]], int]) -> int:
  """Does what has not been done of a run; returns the exit code of what failed, or 0.

  Args:
    run: what is to be done.
    start: runs a command line, waits, and returns its exit code.
  """
  path = run.workdir / DONE
  done = {}
  # What cannot be read is done again; a training that is finished says so at once.
  with contextlib.suppress(OSError, ValueError):
    done = json.loads(path.read_text())
  for mode, arguments in run.jobs.items():
    asked = [*arguments, run.fields] if mode == 'train' else list(arguments)
    if mode in done and _same(mode, done[mode], asked):
      continue
    print(f'{run.config}, seed {run.seed}: {mode}', flush=True)
    # `main.py` alone is stopped by a signal: it saves, and its exit code says so.
    if code := start([sys.executable, str(MAIN), *arguments]):
      return code
    # What was measured of a shorter training is out of date.
    done = {mode: asked} if mode == 'train' else {**done, mode: asked}
    with replacing(path) as unfinished:
      unfinished.write_text(json.dumps(done, indent=2))
  return 0


def _same(mode: str, done: Sequence[str], asked: Sequence[str]) -> bool:
  """Whether what was done is what is asked for, however the command line puts it."""
  if mode != 'train':
    return sorted(done) == sorted(asked)
  stored, given = (json.loads(arguments[-1]) for arguments in (done, asked))
  return stored['steps'] == given['steps'] and not differences(stored, given)


def carried_out(run: Run) -> dict[str, list[str]]:
  """The arguments with which a run's jobs were done; those asked for may be put otherwise."""
  done = json.loads((run.workdir / DONE).read_text())
  return {mode: done[mode][:-1] if mode == 'train' else done[mode] for mode in run.jobs}
