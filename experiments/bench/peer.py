"""Times our code against the authors', in turns, in one run on one machine.

Each side is a process of its own with as many threads as there are cores. They take single steps in
turns, ours first; the first step of each is not counted, and while one works the other sleeps. Both
have the paper's sizes, 15 views of every modality, float32 and models of equally many parameters
but for the 7 numbers per modality which the authors' have and never use. What is timed:

  training, theirs   forward pass of each scene and of the same scene with context and target
                     exchanged, backward pass, clipping of the gradient, Adam's step, reading the
                     loss; on float32 tensors in memory that are already cut into modalities
  training, ours     the same update by the step that `train` compiles; scaling the images, cutting
                     them into modalities, drawing episodes and all metrics come on top
  inference, theirs  `generate` under `no_grad`: 15 views of every modality, imagined from 7 of each
  inference, ours    `inference.generate` for the same, scaling and cutting included

Inputs are new in every step, and drawn before the clock starts. Reading data is in neither.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

if __name__ == '__main__':
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
  from experiments.bench.commands import PEER

  PEER.run('python experiments/bench/peer.py', sys.argv[1:])

from experiments.bench import bars, machine, subject
from experiments.bench.turns import Worker, in_turns
from gmn_jax.senses.query import QUERY_SIZE
from mese_env.command_line import require_at_least
from mese_env.errors import UserError, did_you_mean

_HERE = pathlib.Path(__file__).resolve().parent
_GIVEN = 7  # views of each modality that inference starts from
# What tells a checkout of theirs; `peer_authors.py` imports the two models.
AUTHORS_FILES = (
  'main_multimodal.py',
  'models/conv_amortized_poe_multimodal_cgqn.py',
  'models/poe_multimodal_cgqn.py',
  'utils/gqn.py',
)
OURS, AUTHORS = 'ours', "the authors'"
_CALLS = {'train': 'training', 'imagine': 'inference'}


class Case(NamedTuple):
  """What is timed on both sides, full preset.

  Attributes:
    variant: how experts combine.
    modalities: their set.
    batch: scenes.
    bars: by call how many times as fast as theirs ours has to be.
  """

  variant: str
  modalities: str
  batch: int
  bars: dict[str, float]

  @property
  def name(self) -> str:
    """For `--only` and the table."""
    return f'{self.variant}-{self.modalities}'


CASES = (
  Case('apoe', 'm2', 2, {'train': 5.0, 'imagine': 4.0}),
  Case('apoe', 'm5', 2, {'train': 3.5}),
  Case('apoe', 'm14', 1, {'train': 3.0}),
  Case('poe', 'm14', 1, {'train': 2.5}),
)


def main(options: argparse.Namespace) -> None:
  """Measures, prints, and writes what the options ask for.

  Raises:
    UserError: the folder is no checkout of the authors' code, the interpreter has no PyTorch, there
      is no such case, the machine is busy, or a side failed.
  """
  cases = chosen_cases(options.only)
  require_at_least(options, steps=1, draw_steps=1)
  folder = check_checkout(options.peer)
  check_interpreter(options.peer_python)
  if not options.busy:
    machine.refuse_when_busy()
  print(machine.describe())
  found = {}
  for case in cases:
    found[case.name] = measure(case, folder, options)
    for line in lines(case, found[case.name]):
      print(line, flush=True)
    if options.json:
      record = {'machine': machine.describe(), 'measured_beside_other_work': options.busy}
      record |= {'draw_steps': options.draw_steps, 'cases': found}
      machine.write_json(options.json, record)
  judged = [bar for case in cases for bar in judge(case, found[case.name])]
  print(f'\n{bars.table(judged)}')


def chosen_cases(only: Sequence[str]) -> list[Case]:
  """The cases of `--only`, all if it is empty.

  Raises:
    UserError: there is no such case.
  """
  by_name = {case.name: case for case in CASES}
  names = only or list(by_name)
  for name in names:
    if name not in by_name:
      raise UserError(f"--only names '{name}', which is no case; {did_you_mean(name, by_name)}")
  return [by_name[name] for name in names]


def check_checkout(folder: pathlib.Path) -> pathlib.Path:
  """The folder's absolute path.

  Raises:
    UserError: it is no checkout of the authors' repository.
  """
  for name in AUTHORS_FILES:
    if not (folder / name).is_file():
      raise UserError(
        f"{folder} is no checkout of the authors' repository, for it has no {name}; give "
        '--peer=FOLDER, into which their pytorch-generative-multisensory-network was cloned.'
      )
  return folder.resolve()


def check_interpreter(python: str) -> None:
  """Checks that PyTorch can be imported.

  Raises:
    UserError: it cannot, or there is no such interpreter.
  """
  try:
    done = subprocess.run(
      [python, '-c', 'import numpy, torch'], capture_output=True, text=True, check=False
    )
    said = done.stderr.strip().splitlines()[-1:] if done.returncode else []
  except OSError as error:
    done, said = None, [error.strerror or str(error)]
  if done is None or done.returncode:
    raise UserError(
      f'{python} cannot import PyTorch ({" ".join(said)[:200]}); give --peer_python=PYTHON, an '
      'interpreter of an environment into which torch and numpy were installed.'
    )


def measure(case: Case, folder: pathlib.Path, options: argparse.Namespace) -> dict[str, Any]:
  """Times a case on both sides.

  Returns:
    By call and side the seconds of each, the `ratio` of their medians and the `ratio_of_least`;
    besides what the sides say of themselves, and the most memory that each held.

  Raises:
    UserError: a side failed, or the two models are not of one size.
  """
  shared = {'variant': case.variant, 'draw_steps': options.draw_steps, 'given': _GIVEN}
  asked = shared | {'modalities': case.modalities, 'batch_size': case.batch}
  with Worker(OURS, [sys.executable, str(_HERE / 'peer_ours.py')], asked) as ours:
    asked = shared | {'folder': str(folder), 'batch': case.batch, 'views': subject.VIEWS}
    asked |= {'dims': _dims(ours.facts['modality_shapes']), 'threads': machine.count_cores()}
    command = [options.peer_python, str(_HERE / 'peer_authors.py')]
    with Worker(AUTHORS, command, asked) as theirs:
      _check_sizes(case, ours.facts, theirs.facts)
      workers = ours, theirs
      answers = {call: in_turns(workers, call, options.steps) for call in _CALLS}
  record = {'batch': case.batch, 'sides': {w.name: dict(w.facts) for w in workers}}
  for worker in workers:
    record['sides'][worker.name]['peak_bytes'] = max(
      answer['peak_bytes'] for call in answers for answer in answers[call][worker.name]
    )
  for call, by_side in answers.items():
    seconds = {side: [answer['seconds'] for answer in by_side[side]] for side in by_side}
    record[call] = {
      'seconds': seconds,
      'ratio': statistics.median(seconds[AUTHORS]) / statistics.median(seconds[OURS]),
      'ratio_of_least': min(seconds[AUTHORS]) / min(seconds[OURS]),
    }
  return record


def lines(case: Case, record: dict[str, Any]) -> list[str]:
  """What is printed of a case."""
  found = []
  for call, words in _CALLS.items():
    spreads = {side: machine.spread(s) for side, s in record[call]['seconds'].items()}
    times = '; '.join(
      f'{side} {spread["median_ms"]:,.0f} ms (least {spread["min_ms"]:,.0f})'
      for side, spread in spreads.items()
    )
    found.append(
      f'{case.name}, batch {case.batch}, {words}: {times}: {record[call]["ratio"]:.2f} times as '
      f'fast ({record[call]["ratio_of_least"]:.2f} by the least)'
    )
  for side, facts in record['sides'].items():
    found.append(
      f'  {side}: {facts["library"]}, {facts["parameters"]:,} parameters, '
      f'{facts["peak_bytes"] / 1e9:.2f} GB at most'
    )
  return found


def judge(case: Case, record: dict[str, Any]) -> list[bars.Bar]:
  """The bars of a case."""
  return [
    bars.at_least(f"{case.name}, {_CALLS[call]}: the authors' time over ours", bar, ratio)
    for call, bar in case.bars.items()
    for ratio in [record[call]['ratio']]
  ]


def _dims(shapes: list[list[int]]) -> list[list[Any]]:
  """The modalities as the authors write them: channels, height, width, query size, kind."""
  return [
    [shape[2], shape[0], shape[1], QUERY_SIZE, 'image']
    if len(shape) == 3
    else [shape[0], 1, 1, QUERY_SIZE, 'haptic']
    for shape in shapes
  ]


def _check_sizes(case: Case, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
  unused = QUERY_SIZE * len(ours['modality_shapes'])
  if ours['parameters'] + unused != theirs['parameters']:
    raise UserError(
      f'the two models of {case.name} are not of one size: ours has {ours["parameters"]:,} '
      f"parameters, and the authors' {theirs['parameters']:,}, of which {unused} are unused; give "
      '--peer a checkout of their published version.'
    )
