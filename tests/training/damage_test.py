"""Damage to a checkpoint: it is named with its remedy or changes nothing, and whole runs go on."""

import collections
import errno
import json
import os
import shutil

import chex
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.manifest import write_manifest
from gmn_jax.training.unreadable import explain_unreadable
from mese_env.errors import UserError
from tests import tiny_checkpoint, tiny_run

pytestmark = pytest.mark.long

RUN = tiny_run.random_run()


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
  """The folder of a run with two checkpoints."""
  workdir = tmp_path_factory.mktemp('run')
  tiny_checkpoint.save(RUN, workdir, steps=(2, 3), elbos=(-5.0, -4.0), identity={'seed': 1})
  return workdir


def _resume(workdir):
  return tiny_checkpoint.restore(RUN.config, workdir, {'seed': 1})


def _equal(one, other):
  def numbers(leaf):
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

  return jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(numbers(a), numbers(b)), one, other))


@pytest.mark.parametrize('use', ['resumed', 'loaded'])
def test_a_flipped_bit_in_any_file_is_named_or_harmless(saved, tmp_path, use):
  workdir = tmp_path / use
  shutil.copytree(saved, workdir)
  read = _resume if use == 'resumed' else lambda folder: load_run(folder).params
  whole, folder = read(workdir), tiny_checkpoint.folder_of(workdir)
  rng, found = np.random.default_rng(0), collections.Counter()
  for path in sorted(path for path in folder.rglob('*') if path.is_file()):
    text = path.read_bytes()
    parts = path.relative_to(folder).parts
    flips = 4 if len(parts) > 1 else 2
    if use == 'loaded' and parts[0] == 'training':  # Which is not read.
      flips = 1
    for bit in rng.choice(8 * len(text), min(8 * len(text), flips), False):
      flipped = bytearray(text)
      flipped[bit // 8] ^= 1 << bit % 8
      path.write_bytes(flipped)
      try:
        outcome = 'harmless' if _equal(read(workdir), whole) else 'silent'
      except UserError as error:
        assert str(folder) in str(error) and str(path.relative_to(folder)) in str(error)
        assert 'move that folder out of' in str(error) and 'delete' not in str(error)
        outcome = 'named'
      found[parts[0], outcome] += 1
      path.parent.mkdir(exist_ok=True)
      path.write_bytes(text)
  assert not [key for key in found if key[1] == 'silent']
  assert set(found) >= {('params', 'named'), ('run', 'named'), ('SHA256SUMS', 'harmless')}
  # A model is loaded without what training needs.
  outcome = 'named' if use == 'resumed' else 'harmless'
  assert set(found) >= {('training', outcome), ('data', outcome), ('metrics', 'harmless')}


@pytest.mark.parametrize('item', ['params', 'training'])
def test_numbers_that_are_not_those_saved_are_named_in_whole_files_too(saved, tmp_path, item):
  workdir = tmp_path / 'run'
  shutil.copytree(saved, workdir)
  state = tiny_checkpoint.state_of(RUN)
  parts = {'params': state.params, 'training': (state.opt_state, state.step, state.key)}
  leaves, tree = jax.tree.flatten(parts[item])
  changed = next(i for i, leaf in enumerate(leaves) if leaf.ndim > 1)
  leaves[changed] = np.asarray(leaves[changed]).copy()
  leaves[changed].flat[1] += 1
  folder = tiny_checkpoint.folder_of(workdir)
  shutil.rmtree(folder / item)
  with ocp.StandardCheckpointer() as writer:
    writer.save(folder / item, jax.tree.unflatten(tree, leaves))
  write_manifest(folder)
  with pytest.raises(UserError, match=rf'{item}\[.*\] is not what was saved.* go on from step 2'):
    _resume(workdir)


def test_a_checkpoint_without_checksums_is_used_and_that_is_said_once(saved, tmp_path, capsys):
  workdir = tmp_path / 'old'
  shutil.copytree(saved, workdir)
  tiny_checkpoint.make_old(workdir)
  for _ in range(2):
    chex.assert_trees_all_equal(load_run(workdir).params, RUN.params)
  (line,) = capsys.readouterr().err.splitlines()
  assert str(workdir) in line and 'without checksums' in line


_DAMAGES = {
  'other bytes': lambda path: path.write_bytes(os.urandom(25)),
  'another number': lambda path: path.write_text('{"elbo": -3.0}'),
  'no number': lambda path: path.write_text('{"elbo": NaN}'),
  'another name': lambda path: path.write_text('{"elbp": -5.0}'),
  'nothing': lambda path: path.write_bytes(b''),
  'gone': lambda path: path.unlink(),
}


@pytest.mark.parametrize('name', ['metrics/metrics', '_CHECKPOINT_METADATA'])
@pytest.mark.parametrize('damage', _DAMAGES.values(), ids=_DAMAGES)
def test_damage_beside_the_weights_is_set_aside_and_the_run_goes_on(
  saved, tmp_path, capsys, name, damage
):
  workdir = tmp_path / 'run'
  shutil.copytree(saved, workdir)
  damage(workdir / 'checkpoints' / '2' / name)
  state = _resume(workdir)
  chex.assert_trees_all_equal(state.params, RUN.params)
  errors = capsys.readouterr().err
  aside = list(workdir.glob('unreadable-*-2'))
  assert bool(aside) == ('was moved to' in errors) and all(str(path) in errors for path in aside)
  assert aside or name == '_CHECKPOINT_METADATA'
  # The other validation still tells the best one.
  assert load_run(workdir, best=True).step == 3


def test_a_damaged_validation_is_never_the_best_without_a_word(saved, tmp_path, capsys):
  workdir = tmp_path / 'run'
  shutil.copytree(saved, workdir)
  (workdir / 'checkpoints' / '2' / 'metrics' / 'metrics').write_text('{"elbo": -3.0}')
  assert load_run(workdir, best=True).step == 3
  assert 'the validation of' in capsys.readouterr().err


_MISFORTUNES = [
  (OSError(errno.EIO, os.strerror(errno.EIO)), 'see to the disk'),
  (ValueError('INTERNAL: read failed [Input/output error]'), 'see to the disk'),
  (OSError(errno.ESTALE, os.strerror(errno.ESTALE)), 'see to the disk'),
  (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), 'ask the user'),
  (ValueError('PERMISSION_DENIED: open'), 'ask the user'),
  (MemoryError(), 'free some memory'),
  (RuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 7 bytes.'), 'free some memory'),
  (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), 'ulimit -n'),
]


@pytest.mark.parametrize(('error', 'remedy'), _MISFORTUNES, ids=str)
@pytest.mark.parametrize('whole', ['', 'gmn_jax 7'])
def test_what_goes_wrong_elsewhere_is_not_called_damage(tmp_path, error, remedy, whole):
  with pytest.raises(UserError) as refused, explain_unreadable(tmp_path / '3', whole):
    raise error
  sentence = str(refused.value)
  assert str(tmp_path / '3') in sentence and remedy in sentence and '\n' not in sentence
  assert 'move' not in sentence and 'delete' not in sentence


def test_whole_files_that_cannot_be_read_here_are_of_other_versions(tmp_path):
  sentence = r'as it was written, by orbax 9.* versions that wrote it'
  with pytest.raises(UserError, match=sentence), explain_unreadable(tmp_path / '3', 'orbax 9'):
    raise KeyError('item_handlers')


def test_a_damaged_checkpoint_can_be_moved_away_as_advised(saved, tmp_path):
  workdir = tmp_path / 'run'
  shutil.copytree(saved, workdir)
  folder = tiny_checkpoint.folder_of(workdir)
  (folder / 'data' / 'metadata').unlink()
  with pytest.raises(UserError, match=r'checkpoints/3 .* to go on from step 2'):
    _resume(workdir)
  folder.rename(tmp_path / 'moved')
  assert int(_resume(workdir).step) == 2


def test_the_files_can_be_checked_with_sha256sum(saved):
  folder = tiny_checkpoint.folder_of(saved)
  listed = [line.split('  ')[1] for line in (folder / 'SHA256SUMS').read_text().splitlines()[:-1]]
  stored = [p.relative_to(folder).as_posix() for p in folder.glob('*/**/*') if p.is_file()]
  assert sorted(listed) == sorted(stored)
  assert json.loads((folder / 'run' / 'metadata').read_text())['checksums']['params']
