"""Processes that work in turns, so that what is compared meets the same machine at the same time.

Each is started once and keeps what it has built; it waits, asleep, while another one works. This
module needs the standard library alone, so that any interpreter can serve.
"""

import contextlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mese_env.errors import UserError

# Seconds between turns, in which the threads that still spin for work of the last one fall asleep.
_PAUSE = 0.2

# Makes the inputs of a call, and computes a number from them. Only the second is timed.
Call = tuple[Callable[[], Any], Callable[[Any], float]]
# From what is asked for: facts about what was built, and the calls by name.
Begin = Callable[[dict[str, Any]], tuple[dict[str, Any], Mapping[str, Call]]]


class Worker:
  """A process that runs `serve`; a context, at whose end it is ended.

  Args:
    name: for what is said of it.
    command: its interpreter and script.
    asked: what it builds, as JSON takes it.

  Attributes:
    name: as given.
    facts: what it says about what it built.
  """

  def __init__(self, name: str, command: Sequence[str], asked: Mapping[str, Any]):
    self.name = name
    self._said = tempfile.TemporaryFile('w+')  # noqa: SIM115 - it is closed in `__exit__`.
    self._process = subprocess.Popen(
      [*command, json.dumps(asked)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._said,
      text=True,
    )
    self.facts = self._read()

  def __enter__(self) -> 'Worker':
    return self

  def __exit__(self, *exception: object) -> None:
    self._process.kill()
    self._process.communicate()
    self._said.close()

  def call(self, name: str) -> dict[str, float]:
    """Has it make a call; returns `seconds`, `peak_bytes` of its process, and the `number`.

    Raises:
      UserError: it ended, or its number is not finite.
    """
    assert self._process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # What it said last is read below.
      print(name, file=self._process.stdin, flush=True)
    answer = self._read()
    if not math.isfinite(answer['number']):
      raise UserError(
        f'{self.name} computed {answer["number"]} in {name} on noise; nothing is reported.'
      )
    return answer

  def _read(self) -> dict[str, Any]:
    assert self._process.stdout is not None
    if line := self._process.stdout.readline():
      return json.loads(line)
    self._process.wait()
    self._said.seek(0)
    lines = self._said.read().strip().splitlines() or ['it said nothing']
    raise UserError(
      f'{self.name} ended ({lines[-1][:200]}); see all that it says with '
      f"{' '.join(self._process.args[:-1])} '{self._process.args[-1]}'."
    )


def in_turns(workers: Sequence[Worker], name: str, times: int) -> dict[str, list[dict[str, float]]]:
  """What each worker answers to a call, by its name: `times` rounds in which they take turns, after
  one that is not counted.
  """
  answers: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in workers}
  for _ in range(times + 1):
    for worker in workers:
      time.sleep(_PAUSE)
      answers[worker.name].append(worker.call(name))
  return {who: found[1:] for who, found in answers.items()}


def serve(begin: Begin) -> None:
  """Builds what the last argument of the command line asks for, and answers calls until the input
  ends.
  """
  # What libraries print must not be taken for an answer.
  answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
  os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
  facts, calls = begin(json.loads(sys.argv[-1]))
  print(json.dumps(facts), file=answers, flush=True)
  for line in sys.stdin:
    draw, work = calls[line.strip()]
    inputs = draw()
    began = time.perf_counter()
    number = work(inputs)
    seconds = time.perf_counter() - began
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = held * (1 if sys.platform == 'darwin' else 1024)
    answer = {'seconds': seconds, 'number': number, 'peak_bytes': peak_bytes}
    print(json.dumps(answer), file=answers, flush=True)
