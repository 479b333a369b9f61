"""A model saved in a folder of its own: the same bits come back, and damage is named."""

import hashlib
import json
import os
import pathlib
import re
import shutil

import chex
import jax
import numpy as np
import pytest
import safetensors.numpy

from gmn_jax.training import checksum, exported
from gmn_jax.training.checkpoint import load_run
from mese_env.errors import UserError
from tests import tiny_run

pytestmark = pytest.mark.long

RUN = tiny_run.random_run()._replace(step=7, identity={'seed': 1, 'records of train': 'abc'})
METRICS = {'validation': {'step': 7, 'elbo': -1.5}}
READ = (exported.CONFIG, exported.WEIGHTS, exported.METRICS)


@pytest.fixture(scope='module', params=[False, True], ids=['float32', 'float16'])
def whole(request, tmp_path_factory):
  folder = tmp_path_factory.mktemp('models') / 'whole'
  exported.save_model(RUN, folder, METRICS, float16=request.param)
  return folder


@pytest.fixture
def folder(whole, tmp_path):
  """A copy that a test may damage."""
  return pathlib.Path(shutil.copytree(whole, tmp_path / 'model'))


def _rewrite(folder, change):
  """Changes `config.json` as another version would have written it."""
  path = folder / exported.CONFIG
  stored = json.loads(path.read_text())
  del stored['sha256']
  change(stored)
  path.write_text(json.dumps({**stored, 'sha256': checksum.of_json(stored)}))


def _refused(folder):
  with pytest.raises(UserError) as refused:
    exported.read_model(folder)
  sentence = str(refused.value)
  assert str(folder) in sentence and '\n' not in sentence
  return sentence


@pytest.mark.parametrize(
  'fields',
  [
    {},
    {'variant': 'poe', 'modalities': 'm5', 'image_size': 16},
    {'pooling': 'anchored', 'informed': True, 'renderer': 'volume'},
    {'variant': 'baseline', 'hierarchical': True, 'dtype': 'bfloat16', 'absent': 'prior'},
  ],
  ids=['m2', 'm5', 'anchored-volume', 'hierarchical'],
)
def test_what_was_saved_is_loaded_bit_for_bit(fields, tmp_path):
  run = tiny_run.random_run(**fields)._replace(step=7, identity={'seed': 1})
  exported.save_model(run, tmp_path / 'model', METRICS)
  read, metrics = exported.read_model(tmp_path / 'model')
  for loaded in (read, load_run(tmp_path / 'model')):
    chex.assert_trees_all_equal_dtypes(loaded.params, run.params)
    chex.assert_trees_all_equal(loaded.params, run.params)
    chex.assert_trees_all_equal(loaded.ranges['haptic'][:2], run.ranges['haptic'][:2])
    assert loaded[:2] == run[:2] and loaded[4:] == run[4:]
  assert metrics == METRICS
  exported.save_model(read, tmp_path / 'again', metrics)
  for name in READ:
    assert (tmp_path / 'again' / name).read_bytes() == (tmp_path / 'model' / name).read_bytes()


def _rounded(params):
  return jax.tree.map(lambda leaf: leaf.astype(np.float16).astype(np.float32), params)


def test_float16_takes_half_the_space_and_rounds_once(tmp_path):
  sizes = {}
  for name, float16 in (('whole', False), ('half', True)):
    exported.save_model(RUN, tmp_path / name, METRICS, float16=float16)
    sizes[name] = (tmp_path / name / exported.WEIGHTS).stat().st_size
    # What could not read float16 reads format 1 alone, and says so of any other.
    stored = json.loads((tmp_path / name / exported.CONFIG).read_text())
    assert stored['format'] == (2 if float16 else 1)
  numbers = sum(leaf.size for leaf in jax.tree.leaves(RUN.params))
  assert sizes['whole'] - sizes['half'] == pytest.approx(2 * numbers, rel=0.01)
  read, metrics = exported.read_model(tmp_path / 'half')
  for loaded in (read, load_run(tmp_path / 'half')):
    chex.assert_trees_all_equal_dtypes(loaded.params, RUN.params)
    chex.assert_trees_all_equal(loaded.params, _rounded(RUN.params))
    chex.assert_trees_all_close(loaded.params, RUN.params, rtol=5e-4, atol=3e-8)
    assert loaded[:2] == RUN[:2] and loaded[4:] == RUN[4:]
  exported.save_model(read, tmp_path / 'again', metrics, float16=True)
  for name in READ:
    assert (tmp_path / 'again' / name).read_bytes() == (tmp_path / 'half' / name).read_bytes()


def _with_number(number):
  leaves, tree = jax.tree.flatten(RUN.params)
  leaves[1] = leaves[1].copy()
  leaves[1].flat[-1] = number
  return RUN._replace(params=jax.tree.unflatten(tree, leaves))


@pytest.mark.parametrize('number', [-65_520, 3e38])
def test_what_float16_cannot_hold_is_refused_by_its_name(number, tmp_path):
  exported.save_model(_with_number(65_519), tmp_path / 'held', float16=True)
  exported.save_model(_with_number(number), tmp_path / 'whole')
  said = re.escape(f'contains {number:.3g}, but float16 ends at 65,504; leave float16 out.')
  with pytest.raises(UserError, match=rf"^the parameter '[\w/]+' {said}$"):
    exported.save_model(_with_number(number), tmp_path / 'half', float16=True)
  assert not (tmp_path / 'half').exists()


def test_a_flipped_bit_in_any_file_is_named_or_harmless(folder):
  written = exported.read_model(folder).run.params
  rng, found = np.random.default_rng(0), set()
  for name in exported.FILES:
    text = (folder / name).read_bytes()
    for bit in rng.choice(8 * len(text), 12, False):
      flipped = bytearray(text)
      flipped[bit // 8] ^= 1 << bit % 8
      (folder / name).write_bytes(flipped)
      try:
        read, metrics = exported.read_model(folder)
        chex.assert_trees_all_equal(read.params, written)
        assert (read.config, metrics) == (RUN.config, METRICS)
        found.add((name, 'harmless'))
      except UserError as error:
        assert str(folder) in str(error) and name in str(error)
        found.add((name, 'named'))
    (folder / name).write_bytes(text)
  assert found >= {(name, 'named') for name in READ}
  # The card is for people, who may change it.
  assert (exported.CARD, 'named') not in found and (exported.CARD, 'harmless') in found


@pytest.mark.parametrize('name', READ)
@pytest.mark.parametrize(
  'damage',
  [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(b''),
    lambda path: path.write_bytes(path.read_bytes()[:-3]),
    lambda path: path.write_bytes(path.read_bytes() + b'}'),
    lambda path: path.write_bytes(b'[1]'),
    lambda path: path.write_bytes(b'[' * 100_000),
  ],
  ids=['missing', 'empty', 'truncated', 'longer', 'another', 'nested'],
)
def test_a_damaged_file_is_named_with_the_remedy(folder, name, damage):
  damage(folder / name)
  sentence = _refused(folder)
  assert name in sentence and 'export the model, or fetch it, again' in sentence
  # Also for whoever asks for a run.
  with pytest.raises(UserError, match='is damaged'):
    load_run(folder)


def test_a_file_that_may_not_be_read_is_not_called_damaged(folder, monkeypatch):
  def refuse(path):
    raise PermissionError(13, os.strerror(13))

  monkeypatch.setattr(pathlib.Path, 'read_bytes', refuse)
  sentence = _refused(folder)
  assert 'config.json cannot be read (Permission denied)' in sentence and 'damaged' not in sentence


@pytest.mark.parametrize(
  ('change', 'named'),
  [
    (lambda stored: stored.update(format=3), 'of format 3, written by gmn_jax'),
    (lambda stored: stored.update(format=3 - stored['format']), 'has not the parameter'),
    (lambda stored: stored['config'].update(heads=3), "has a field 'heads' that is unknown here"),
    (lambda stored: stored['config'].update(variant='moe'), "variant is 'moe'"),
    (lambda stored: stored['config'].pop('width'), "has no 'width'"),
    (lambda stored: stored['config'].update(width=3), 'has not the parameter'),
  ],
)
def test_what_another_version_wrote_is_refused_by_name(folder, change, named):
  _rewrite(folder, change)
  assert named in _refused(folder)


@pytest.mark.parametrize(
  ('change', 'named'),
  [
    (lambda own: {'experts/posterior_gates_kernel': np.zeros(3)}, "has not the parameter '"),
    (lambda own: dict(list(own.items())[1:]), "has not the parameter '"),
    (
      lambda own: own | {'scenes_image/of_8/bias': np.zeros(3)},
      "a parameter 'scenes_image/of_8/bi",
    ),
  ],
)
def test_weights_of_another_model_are_refused_though_their_hash_is_right(folder, change, named):
  own = safetensors.numpy.load_file(folder / exported.WEIGHTS)
  other = safetensors.numpy.save(change(own))
  (folder / exported.WEIGHTS).write_bytes(other)
  of_other = {'bytes': len(other), 'sha256': hashlib.sha256(other).hexdigest()}
  _rewrite(folder, lambda stored: stored['files'].update({exported.WEIGHTS: of_other}))
  assert named in _refused(folder)


@pytest.mark.parametrize('name', [exported.CONFIG, 'notes.txt', '.lock'])
def test_a_folder_that_holds_anything_is_not_written_to(tmp_path, name):
  (tmp_path / name).write_text('mine')
  with pytest.raises(UserError, match='is taken already; give a new or an empty folder'):
    exported.save_model(RUN, tmp_path)
  assert [path.read_text() for path in tmp_path.iterdir()] == ['mine']


@pytest.mark.parametrize(
  'place',
  [
    lambda folder: pathlib.Path('/sys/kernel/model'),  # Nobody may write there, nor root.
    lambda folder: pathlib.Path('/proc/self/model'),
    lambda folder: folder / 'file' / 'model',
    lambda folder: folder / 'file',
    lambda folder: folder / ('x' * 300),
  ],
  ids=['unwritable', 'no folder', 'inside a file', 'a file', 'too long'],
)
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, place):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match=r'give (another|a new or an empty) folder') as refused:
    exported.save_model(RUN, place(tmp_path))
  assert str(place(tmp_path)) in str(refused.value) and '\n' not in str(refused.value)
  assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('error', [OSError(28, os.strerror(28)), KeyboardInterrupt()])
@pytest.mark.parametrize('there', [False, True])
def test_what_could_not_be_written_whole_leaves_nothing(tmp_path, monkeypatch, error, there):
  folder = tmp_path / 'model'
  if there:
    folder.mkdir()
  opened, open_ = [], pathlib.Path.open

  def fail_at_the_third(path, mode='r', *args, **kwargs):
    opened.extend([path] if 'x' in mode else [])
    if len(opened) == 3:
      raise error
    return open_(path, mode, *args, **kwargs)

  monkeypatch.setattr(pathlib.Path, 'open', fail_at_the_third)
  with pytest.raises((UserError, KeyboardInterrupt)):
    exported.save_model(RUN, folder)
  assert folder.exists() == there and not list(tmp_path.rglob('*.*'))


def test_the_card_says_what_it_is_in_a_form_that_the_hub_reads(whole):
  header, page = (whole / exported.CARD).read_text().removeprefix('---\n').split('\n---\n')
  fields = dict(line.split(': ', 1) for line in header.splitlines() if ': ' in line)
  assert fields == {'license': 'apache-2.0', 'library_name': 'gmn_jax'}
  numbers = sum(leaf.size for leaf in jax.tree.leaves(RUN.params))
  (dtype,) = {leaf.dtype for leaf in safetensors.numpy.load_file(whole / exported.WEIGHTS).values()}
  stored = f'{numbers:,}, {dtype}, {numbers * dtype.itemsize / 1e6:.1f} MB'
  assert "gmn_jax.load('whole')" in page and f'| parameters | {stored} |' in page
  assert ('at most 0.05 %' in page) == (dtype == np.float16)
  assert 'after step 7' in page and '| ELBO, nats a scene | -1.500 |' in page
