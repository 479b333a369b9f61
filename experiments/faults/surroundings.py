"""A machine without a home, a platform, or whole compiled programs; and old PyTorch files."""

import pathlib
import shutil
from collections.abc import Iterator

import numpy as np

from experiments.faults.outcomes import Outcome
from experiments.faults.processes import run
from experiments.faults.trainer import PATCHED, Trainer, require, state
from gmn_jax import authors
from mese_env.errors import UserError

_FLIPS = 6
_FORMS = pathlib.Path(__file__).parents[2] / 'tests' / 'authors' / 'torch_files'
_NO_HOME = """
import os, pwd
def nobody(uid):
  raise KeyError(f'getpwuid(): uid not found: {uid}')
pwd.getpwuid = nobody
"""


def no_home(trainer: Trainer) -> Iterator[Outcome]:
  """HOME is unset, and the user has no entry."""
  workdir = trainer.folder / 'homeless'
  arguments = trainer.arguments(workdir, steps=2)[1:]
  nothing = {'HOME': None, 'XDG_CACHE_HOME': None}
  trained = run(['-c', PATCHED.format(patch=_NO_HOME), *arguments], None, nothing)
  script = PATCHED.format(patch=_NO_HOME)
  named = [*arguments, '--config.dataset=shepard_metzler_5_tiny', '--workdir', f'{workdir}2']
  built = run(['-c', script, *named], None, nothing)
  yield Outcome(
    'HOME is unset and the user has no entry, for own data and for a built dataset',
    'trains, since own data need no home; a built dataset is asked for with a sentence',
    f'{trained}; {built}',
    'what is compiled is not kept',
    trained.fine and built.refused(),
  )


def no_platform(trainer: Trainer) -> Iterator[Outcome]:
  """JAX_PLATFORMS names what this machine does not have."""
  platform = 'tpu' if shutil.which('nvidia-smi') else 'cuda'
  workdir = trainer.folder / 'no_platform'
  arguments = trainer.arguments(workdir, steps=2)
  ended = run(arguments, trainer.compiled, {'JAX_PLATFORMS': platform})
  yield Outcome(
    f'JAX_PLATFORMS={platform} where there is none',
    'one sentence that names the variable and `doctor`; nothing is written',
    str(ended),
    'nothing',
    ended.refused('JAX_PLATFORMS', 'doctor') and not (workdir / 'checkpoints').exists(),
  )


def compiled_programs(trainer: Trainer) -> Iterator[Outcome]:
  """Flipped bits in every kept program."""
  home = trainer.folder / 'home'
  home.mkdir()
  own = {'HOME': str(home)}
  whole = trainer.folder / 'compiled_whole'
  require(run(trainer.arguments(whole, steps=2), None, own))
  rng = np.random.default_rng(8)
  wrong, entries = [], 0
  for number in range(_FLIPS):
    kept = [path for path in (home / '.cache').rglob('*') if path.is_file()]
    entries = max(entries, len(kept))
    for path in kept:
      content = bytearray(path.read_bytes())
      content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
      path.write_bytes(content)
    workdir = trainer.folder / f'compiled_{number}'
    ended = run(trainer.arguments(workdir, steps=2), None, own)
    if not ended.fine or state(workdir, 2) != state(whole, 2):
      wrong.append(str(ended))
  yield Outcome(
    f'a flipped bit in each of {entries} kept compiled programs, {_FLIPS} times',
    'found before it is loaded; compiled again, and the run is equal',
    '; '.join(wrong) or 'all runs equal',
    'nothing',
    not wrong and entries > 0,
  )


def torch_files(trainer: Trainer) -> Iterator[Outcome]:
  """Checkpoints of PyTorch in the forms in which they occur, whole and cut short."""
  read, refused, wrong = 0, 0, []
  folder = trainer.folder / 'torch'
  folder.mkdir()
  forms = sorted(_FORMS.glob('*.pt'))
  cut = [(form, len(form.read_bytes()) * tenth // 10) for form in forms for tenth in range(10)]
  for number, (form, length) in enumerate([*cut, *((form, -1) for form in forms)]):
    path = folder / f'{number}.pt'
    path.write_bytes(form.read_bytes()[: None if length < 0 else length])
    try:
      authors.read_state_dict(str(path))
      read += 1
      if length >= 0:
        wrong.append(f'{form.name} cut to {length} bytes was read')
    except UserError as error:
      refused += 1
      if str(path) not in str(error) or '\n' in str(error):
        wrong.append(f'{form.name}: {error}')
  for what, content in {
    'pointer': b'version https://git-lfs.github.com/spec/v1\n', 'page': b'<html>', 'text': b'a,b\n',
  }.items():  # fmt: skip
    (folder / what).write_bytes(content)
    try:
      authors.read_state_dict(folder / what)
      wrong.append(f'{what} was read')
    except UserError:
      refused += 1
  yield Outcome(
    f'{len(forms)} forms of PyTorch checkpoints, each whole and cut short at ten places, and three '
    'other files',
    'read, or one sentence that names the file and how to save weights',
    '; '.join(wrong) or f'{read} read, {refused} refused',
    'nothing',
    not wrong and read > 0,
  )
