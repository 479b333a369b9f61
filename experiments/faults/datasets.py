"""Data that vanish, are exchanged under a run, or are not what their name says."""

import json
import pathlib
import shutil
import signal
from collections.abc import Iterator

from experiments.faults.generation import CONFIG, build, data_of
from experiments.faults.outcomes import Outcome
from experiments.faults.processes import run
from experiments.faults.trainer import (
  Trainer,
  compared,
  last_step,
  measurements,
  reached,
  require,
  resumed_after,
  state,
  write_scenes,
)

_OPEN = """
import sys
from mese_env.errors import exit_on_user_error
from tfds_mese.reading import open_dataset
with exit_on_user_error():
  for split in open_dataset(sys.argv[1], sys.argv[2]).splits.values():
    for scene in split:
      pass
"""


def vanished(trainer: Trainer) -> Iterator[Outcome]:
  """A dataset that is gone for a while: own files, and a built one."""
  scenes, away = trainer.folder / 'vanishing', trainer.folder / 'away'
  # More than are read, and kept in memory, before they vanish.
  write_scenes(scenes, seed=0, train=100)
  require(trainer.run(alone := trainer.folder / 'not_vanished', dataset=scenes, steps=60))
  workdir = trainer.folder / 'vanished'
  command = trainer.start(workdir, dataset=scenes, steps=60)
  command.stop_when(lambda: reached(workdir, 10, command), 0.0, 0)
  scenes.rename(away)
  ended = command.finish()
  before = last_step(workdir)
  away.rename(scenes)
  later = trainer.run(workdir, dataset=scenes, steps=60)
  equal = later.fine and state(workdir, 60) == state(alone, 60)
  equal = equal and measurements(workdir) == measurements(alone)
  yield Outcome(
    'own data vanish during training',
    'one sentence; once they are back, the same command goes on',
    f'{ended}; with them back {compared(equal)}',
    f'{before - resumed_after(later)} steps',
    ended.refused('cannot be read any more') and equal,
    before - resumed_after(later),
    6,
  )
  data = trainer.folder / 'built'
  fields = _built(trainer, data)
  require(trainer.run(alone := trainer.folder / 'built_alone', **fields))
  workdir = trainer.folder / 'built_vanished'
  command = trainer.start(workdir, **fields)
  command.stop_when(lambda: reached(workdir, 10, command), 0.0, 0)
  data.rename(away)
  ended = command.finish()
  away.rename(data)
  later = trainer.run(workdir, **fields)
  same = later.fine and state(workdir, 60) == state(alone, 60)
  yield Outcome(
    'a built dataset vanishes during training',
    'one sentence, or nothing where all was read; once it is back, the same command goes on',
    f'{ended}; with it back {compared(same)}',
    f'{60 - resumed_after(later) if ended.fine else 0} steps',
    (ended.fine or ended.refused()) and same,
  )


def exchanged(trainer: Trainer) -> Iterator[Outcome]:
  """Other data in the place of a run's, between its stop and its start."""
  scenes, other = trainer.folder / 'exchanged', trainer.folder / 'other_scenes'
  write_scenes(scenes, seed=0)
  write_scenes(other, seed=1)
  workdir = trainer.folder / 'of_exchanged'
  require(trainer.run(workdir, dataset=scenes, steps=6))

  def go_on(data: pathlib.Path, *options: str, where: pathlib.Path = workdir):
    return trainer.run(where, *options, dataset=data, steps=12)

  added = trainer.folder / 'one_added'
  shutil.copytree(scenes, added)
  shutil.copy(other / 'train' / '0.npz', added / 'train' / '05.npz')
  scenes.rename(moved := trainer.folder / 'moved_scenes')
  shutil.copytree(other, scenes)
  tries = {'all replaced': go_on(scenes), 'one scene added': go_on(added)}
  copy = trainer.folder / 'deliberately'
  shutil.copytree(workdir, copy)
  deliberate = go_on(scenes, '--accept_data', where=copy)
  same = go_on(moved)
  yield Outcome(
    'all files of a run are replaced, or one scene is added, before it goes on',
    'a sentence says what differs and how to go on deliberately; the same data elsewhere are taken',
    '; '.join(f'{what}: {ended}' for what, ended in tries.items())
    + f'; deliberately: exit code {deliberate.code}; moved: exit code {same.code}',
    'nothing',
    all(ended.refused('--accept_data') for ended in tries.values())
    and deliberate.fine
    and same.fine,
  )
  here, there = trainer.folder / 'built_here', trainer.folder / 'built_there'
  fields = _built(trainer, here)
  _built(trainer, there, seed=9)
  workdir = trainer.folder / 'of_built'
  require(trainer.run(workdir, **fields | {'steps': 6}))
  ended = trainer.run(workdir, **fields | {'steps': 12, 'data_dir': there})
  yield Outcome(
    'another data_dir, whose dataset of that name has another seed',
    'refused with a sentence that says what differs',
    str(ended),
    'nothing',
    ended.refused('seed'),
  )


def replaced_while_read(trainer: Trainer) -> Iterator[Outcome]:
  """Other scenes in the place of those that a training reads."""
  scenes, other = trainer.folder / 'replaced', trainer.folder / 'replacing'
  write_scenes(scenes, seed=0, train=40)
  write_scenes(other, seed=1, train=40)
  require(trainer.run(alone := trainer.folder / 'not_replaced', dataset=scenes, steps=60))
  workdir = trainer.folder / 'of_replaced'
  command = trainer.start(workdir, dataset=scenes, steps=60)
  command.stop_when(lambda: reached(workdir, 4, command), 0.0, signal.SIGSTOP)
  scenes.rename(kept := trainer.folder / 'replaced_kept')
  other.rename(scenes)
  command.send(signal.SIGCONT)
  ended = command.finish()
  scenes.rename(other)
  kept.rename(scenes)
  later = trainer.run(workdir, dataset=scenes, steps=60)
  equal = later.fine and measurements(workdir) == measurements(alone)
  equal = equal and state(workdir, 60) == state(alone, 60)
  yield Outcome(
    'own data are replaced by others while a training reads them',
    'a sentence names the data; with the right ones back, the same command goes on',
    f'{ended}; with them back {compared(equal)}',
    f'{resumed_after(later)} steps were kept',
    ended.refused() and equal,
  )


def other_names(trainer: Trainer) -> Iterator[Outcome]:
  """Built data under another name, or with another range in their metadata."""
  data = trainer.folder / 'named'
  require(run(build(data), trainer.compiled))
  stock = data / 'tfds_mese' / 'shepard_metzler_5_tiny'
  shutil.copytree(data_of(data).parent, stock)
  ended = run(['-c', _OPEN, stock.name, str(data)], None)
  yield Outcome(
    'a dataset of another config under the name of a stock one',
    'is not opened; a sentence says what differs',
    str(ended),
    'nothing',
    ended.refused('shepard_metzler_5_tiny'),
  )
  shutil.rmtree(stock)
  changes = {
    'doubled': lambda span: [2 * x for x in span],
    'one short': lambda span: span[:-1],
    'of NaN': lambda span: [float('nan')] * len(span),
  }
  wrong = []
  path = data_of(data) / 'metadata.json'
  content = path.read_text()
  for what, change in changes.items():
    metadata = json.loads(content)
    path.write_text(json.dumps(metadata | {'haptic_max': change(metadata['haptic_max'])}))
    verified = run(['-m', 'tfds_mese', 'verify', str(path.parent), '--scenes=0'], None)
    opened = run(['-c', _OPEN, CONFIG['name'], str(data)], None)
    if not (verified.found('metadata.json') and opened.refused('metadata.json')):
      wrong.append(f'{what}: {verified}, {opened}')
  path.write_text(content)
  yield Outcome(
    'a haptic range in metadata.json that is doubled, one number short, or NaN',
    '`verify` finds it and exits with 1; reading names it and exits with 2',
    '; '.join(wrong) or 'all of them so',
    'nothing is read silently',
    not wrong,
  )


def _built(trainer: Trainer, data: pathlib.Path, seed: int = 0) -> dict[str, object]:
  """Builds a small dataset; returns the fields of a training on it."""
  require(run(build(data, num_train=20, seed=seed), trainer.compiled))
  return {'dataset': CONFIG['name'], 'data_dir': data, 'steps': 60}
