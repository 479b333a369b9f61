"""Numbers that are not finite, in scenes, in parameters and in validation; and too few views."""

import re
from collections.abc import Iterator

import numpy as np

from experiments.faults.outcomes import Outcome
from experiments.faults.trainer import (
  PATCHED,
  Trainer,
  arrays,
  checkpoints,
  records,
  write_scenes,
)

# A number that is not finite in one scene of {split}, written after all scenes were checked.
_NAN = """
import numpy as np
from tfds_mese import own_data

opened = own_data.open_folder

def damaged(*given, **named):
  dataset = opened(*given, **named)
  class Damaged:
    def __len__(self):
      return len(dataset.splits['{split}'])
    def __getitem__(self, position):
      scene = dataset.splits['{split}'][position]
      if position == {position}:
        scene['haptics'][0, 0] = np.nan
      return scene
  import dataclasses
  return dataclasses.replace(dataset, splits=dict(dataset.splits) | {{'{split}': Damaged()}})

own_data.open_folder = damaged
"""


def not_a_number(trainer: Trainer) -> Iterator[Outcome]:
  """A NaN in a batch, refused or, if asked, skipped."""
  workdir = trainer.folder / 'nan'
  script = PATCHED.format(patch=_NAN.format(split='train', position=3))
  ended = trainer.run_script(script, workdir, checkpoint_every=1)
  found = re.search(r'in step (\d+), on the training scenes ([\d, ]+)', ended.errors)
  right = bool(found) and '3' in found[2].split(', ')
  last = checkpoints(workdir)[-1]
  kept = bool(found) and last == int(found[1]) - 1
  yield Outcome(
    'a NaN in one scene of a batch',
    'the run stops, names step and scenes, and keeps the checkpoint before',
    f'{ended}; last checkpoint {last}',
    '0 steps' if kept else 'unknown',
    ended.refused('became nan in step', 'scenes') and right and kept,
  )
  workdir = trainer.folder / 'skipped'
  ended = trainer.run_script(script, workdir, skip_nonfinite=2, steps=30)
  skipped = [r.get('skipped', 0) for r in records(workdir) if r['split'] == 'train'][-1]
  yield Outcome(
    'the same with --config.skip_nonfinite=2',
    'such updates are skipped and counted, and the run goes on',
    f'exit code {ended.code}, {skipped} updates of 30 skipped',
    f'{skipped} updates',
    ended.fine and 0 < skipped < 30,
  )


def spoiled_parameters(trainer: Trainer) -> Iterator[Outcome]:
  """A learning rate that makes parameters infinite, and the advice that is then given."""
  workdir = trainer.folder / 'infinite_rate'
  ended = trainer.run(workdir, learning_rate='inf', steps=30)
  untouched = ended.refused('learning_rate') and not checkpoints(workdir)
  # Whatever the largest rate is that a config may have, this update is too large.
  patch = 'import optax\noptax.apply_updates = lambda params, updates: __import__("jax").tree.map('
  patch += 'lambda x, u: x + u * float("inf"), params, updates)'
  spoilt = trainer.run_script(PATCHED.format(patch=patch), workdir, steps=30)
  finite = all(
    np.isfinite(array).all()
    for step in checkpoints(workdir)
    for array in arrays(workdir, step, ('params',)).values()
  )
  advised = trainer.run(trainer.folder / 'smaller_rate', learning_rate=1e-4, steps=6)
  yield Outcome(
    'a learning rate of inf, and an update that makes parameters infinite',
    'each is refused with a sentence; no checkpoint holds a number that is not finite',
    f'{ended}; {spoilt}; checkpoints {checkpoints(workdir)}, '
    + ('all finite' if finite else 'not all finite'),
    'the step',
    untouched
    and spoilt.refused()
    and bool(checkpoints(workdir))
    and finite
    and 'another --workdir' in spoilt.sentence
    and advised.fine,
  )


def nan_validation(trainer: Trainer) -> Iterator[Outcome]:
  """A NaN in a scene of the validation split."""
  workdir = trainer.folder / 'nan_validation'
  script = PATCHED.format(patch=_NAN.format(split='val', position=1))
  ended = trainer.run_script(script, workdir, validate_every=5, steps=30)
  measured = [r['elbo'] for r in records(workdir) if r['split'] == 'val']
  yield Outcome(
    'a NaN in a validation scene',
    'the run stops with a sentence; nothing that is not finite is kept as a measurement',
    f'{ended}; last checkpoint {checkpoints(workdir)[-1]}',
    'steps since the last checkpoint',
    ended.refused() and all(map(np.isfinite, measured)) and checkpoints(workdir)[-1] < 30,
  )


def few_views(trainer: Trainer) -> Iterator[Outcome]:
  """Own data of one, two and three views."""
  ended = []
  for views in (1, 2, 3):
    scenes = trainer.folder / f'of_{views}'
    write_scenes(scenes, seed=views, views=views)
    workdir = trainer.folder / f'run_of_{views}'
    ended.append(trainer.run(workdir, dataset=scenes, steps=2, sample_every=1))
    if checkpoints(workdir)[-1:] != [2]:
      break
  yield Outcome(
    'own data of 1, 2 and 3 views, with a picture after every step',
    'trains; a picture that cannot be drawn is left out',
    'all were trained' if len(ended) == 3 else str(ended[-1]),
    'nothing',
    len(ended) == 3 and all(each.fine for each in ended),
  )
