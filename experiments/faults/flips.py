"""Bits that flip in stored files: each is named, or changes nothing that is loaded."""

import collections
import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from experiments.faults.generation import build
from experiments.faults.outcomes import Outcome
from experiments.faults.processes import run, surroundings_of
from experiments.faults.trainer import Trainer, checkpoints, require

_SHIPPED = pathlib.Path(__file__).parents[1] / 'trained' / 'apoe-small'
# What is loaded, how (`flipped.py`), and how many bits of it flip.
KINDS = (
  ('a checkpoint', 'checkpoint', 130),
  ('the shipped model', 'model', 30),
  ('a built dataset', 'dataset', 110),
  ('a cached chunk', 'chunk', 60),
)
_LONGEST = 600  # seconds that a damaged thing may take to load
_SHOWN = 3  # of what was silent


class Flip(NamedTuple):
  """A bit of a file."""

  path: pathlib.PurePath
  byte: int
  bit: int

  def __str__(self) -> str:
    return f'bit {self.bit} of byte {self.byte} of {self.path}'


def choose_flips(whole: pathlib.Path, below: str, count: int, seed: int) -> list[Flip]:
  """Bits at random, as many in every file below a part of a folder, and at least one in each."""
  rng = np.random.default_rng(seed)
  files = sorted(p for p in (whole / below).rglob('*') if p.is_file() and p.stat().st_size)
  return [
    Flip(
      file.relative_to(whole), int(rng.integers(file.stat().st_size)), int(rng.integers(8))
    )
    for number in range(max(count, len(files)))
    for file in [files[number % len(files)]]
  ]  # fmt: skip


class Worker:
  """A process that loads damaged folders (`flipped.py`); one that crashes is started again.

  Args:
    command: of Python, without the interpreter.
    compiled: folder of what is compiled, as of `Command`.
  """

  def __init__(self, command: Sequence[str], compiled: pathlib.Path | None = None):
    self._command, self._environment = [sys.executable, *command], surroundings_of(compiled)
    self._process: subprocess.Popen | None = None

  def ask(self, folder: pathlib.Path) -> tuple[str, str]:
    """The verdict on a folder, and why."""
    if self._process is None:
      self._process = subprocess.Popen(
        self._command,
        cwd=_SHIPPED.parents[2],
        env=self._environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
      )
    process, answer = self._process, ''
    late = threading.Timer(_LONGEST, process.kill)
    late.start()
    with contextlib.suppress(BrokenPipeError):
      process.stdin.write(f'{folder}\n')
      process.stdin.flush()
      answer = process.stdout.readline()
    late.cancel()
    if answer:
      found = json.loads(answer)
      return found['verdict'], found['why']
    self.stop()
    return 'silent', f'the process ended with {process.returncode}'

  def stop(self) -> None:
    """Ends the process."""
    if self._process is not None:
      self._process.kill()
      self._process.communicate()
      self._process = None


def try_flips(
  what: str, worker: Worker, whole: pathlib.Path, flips: Sequence[Flip], scratch: pathlib.Path
) -> Outcome:
  """Flips each bit in a copy of a folder, and has it loaded."""
  counts, silent = collections.Counter(), []
  if worker.ask(whole) != ('harmless', ''):
    raise RuntimeError(f'{whole} is not loaded while it is whole: {worker.ask(whole)}')
  for flip in flips:
    copy = scratch / 'flipped'
    shutil.copytree(whole, copy)
    content = bytearray((copy / flip.path).read_bytes())
    content[flip.byte] ^= 1 << flip.bit
    (copy / flip.path).write_bytes(content)
    verdict, why = worker.ask(copy)
    shutil.rmtree(copy)
    counts[verdict] += 1
    if verdict == 'silent':
      silent.append(f'{flip}: {why}')
  worker.stop()
  files = len({flip.path for flip in flips})
  return Outcome(
    f'{len(flips)} flipped bits, in each of the {files} files of {what}',
    'named with a sentence, or harmless: what is loaded has the same bits',
    f'{counts["named"]} named, {counts["harmless"]} harmless, {counts["silent"]} silent'
    + ''.join(f'; {each}' for each in silent[:_SHOWN]),
    'nothing is read silently',
    bool(flips) and not counts['silent'] and counts['named'] > 0,
  )


def everywhere(trainer: Trainer) -> Iterator[Outcome]:
  """Checkpoints, the shipped model, a built dataset and a cached chunk."""
  places = trainer.folder / 'flips'
  places.mkdir()
  of_run = places / 'run'
  require(trainer.run(of_run, steps=4, validate_every=2, checkpoint_every=2))
  require(run(build(places / 'data'), trainer.compiled))
  (places / 'chunks').mkdir()
  wholes = {
    'checkpoint': (of_run, f'checkpoints/{checkpoints(of_run)[-1]}'),
    'model': (_SHIPPED, '.'),
    'dataset': (places / 'data', '.'),
    'chunk': (places / 'chunks', '.'),
  }
  for number, (what, kind, count) in enumerate(KINDS):
    whole, below = wholes[kind]
    worker = Worker(['-m', 'experiments.faults.flipped', kind, str(whole)], trainer.compiled)
    worker.ask(whole)  # Which makes the chunk.
    yield try_flips(what, worker, whole, choose_flips(whole, below, count, number), places)
