"""A dataset whose files changed is named, with the remedy, and never read as if it were whole."""

import json
import pathlib
import shutil

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env.errors import UserError
from tests import tiny_built
from tfds_mese import stored
from tfds_mese.reading import open_dataset

pytestmark = pytest.mark.long

TRAIN, VAL, TEST = (f'tfds_mese-{split}.array_record-00000-of-00001' for split in
                    ('train', 'val', 'test'))  # fmt: skip


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  return tiny_built.build(tmp_path_factory.mktemp('whole'))


@pytest.fixture(scope='module')
def content(whole):
  return _content(open_dataset(whole))


@pytest.fixture
def folder(whole, tmp_path):
  """A dataset to damage, the folder of its version."""
  return pathlib.Path(shutil.copytree(whole, tmp_path / 'data' / 'tfds_mese' / 'small' / '1.0.0'))


def _content(dataset):
  """All that a training takes from a dataset, as bytes."""
  scenes = [scene for source in dataset.splits.values() for scene in source]
  arrays = [scene[name] for scene in scenes for name in sorted(scene)]
  return [np.asarray(array).tobytes() for array in (*arrays, *dataset.ranges['haptic'])]


def _refusal(folder):
  """The sentence that reading ends with."""
  with pytest.raises(UserError) as error:
    _content(open_dataset('small', folder.parents[2]))
  assert '\n' not in str(error.value)
  return str(error.value)


def _faults(folder, capsys, scenes=0):
  """The lines of `verify` but for the last, which counts them."""
  capsys.readouterr()
  code = command.main(['verify', str(folder), f'--scenes={scenes}'])
  *faults, summary = capsys.readouterr().out.splitlines()
  assert f'{len(faults)} faults; ' in summary
  assert code == bool(faults)
  return faults


def _halved(path):
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = {
  'missing': pathlib.Path.unlink,
  'empty': lambda path: path.write_bytes(b''),
  'halved': _halved,
  'a list': lambda path: path.write_text('[]'),
  'a number': lambda path: path.write_text('7'),
  'no keys': lambda path: path.write_text('{}'),
  'zeros': lambda path: path.write_bytes(bytes(path.stat().st_size)),
  'no text': lambda path: path.write_bytes(b'\xff\xfe'),
}


@pytest.mark.parametrize('name', stored.SMALL_FILES)
@pytest.mark.parametrize('damage', DAMAGES)
def test_a_damaged_small_file_is_named_with_the_remedy(folder, capsys, name, damage):
  DAMAGES[damage](folder / name)
  state = 'is missing' if damage == 'missing' else 'is damaged'
  for refused in (
    lambda: open_dataset('small', folder.parents[2]),
    lambda: command.main(['stats', 'small', f'--data_dir={folder.parents[2]}']),
    lambda: tiny_built.build(folder.parents[2]),
  ):
    with pytest.raises(UserError) as error:
      refused()
    assert str(error.value).startswith(f'{folder / name} {state}')
    assert f'move {folder} away' in str(error.value) and '\n' not in str(error.value)
  (fault,) = _faults(folder, capsys)
  assert f'{folder / name} {state}' in fault


@pytest.mark.parametrize('name', stored.SMALL_FILES)
def test_a_flipped_bit_in_a_small_file_is_named_or_changes_nothing(folder, content, capsys, name):
  path = folder / name
  for damaged in tiny_built.flipped(path.read_bytes(), 60):
    path.write_bytes(damaged)
    try:
      read = open_dataset('small', folder.parents[2])
    except UserError as error:
      assert str(folder) in str(error) and '\n' not in str(error)
      assert _faults(folder, capsys)
    else:
      assert _content(read) == content


@pytest.mark.parametrize('name', [TRAIN, VAL, TEST])
def test_a_flipped_bit_in_a_file_of_records_is_named(folder, content, capsys, name):
  path = folder / name
  for damaged in tiny_built.flipped(path.read_bytes(), 40):
    path.write_bytes(damaged)
    assert any(name in fault for fault in _faults(folder, capsys))
    try:
      assert _content(open_dataset('small', folder.parents[2])) == content
    except UserError as error:
      assert 'verify' in str(error) or str(path) in str(error)


def _edit(folder, change, seal=True):
  path = folder / stored.METADATA
  metadata = json.loads(path.read_text())
  change(metadata)
  path.write_text(json.dumps(stored.sealed(metadata) if seal else metadata))


def _forget_digests(folder):
  """As metadata were before they kept digests."""

  def change(metadata):
    del metadata['sha256'], metadata['files']

  _edit(folder, change, seal=False)


def test_a_dataset_without_digests_is_read_and_verified(folder, content, capsys):
  identity = open_dataset(folder).identity
  _forget_digests(folder)
  read = open_dataset('small', folder.parents[2])
  assert _content(read) == content and read.identity == identity
  assert not _faults(folder, capsys, scenes=1)


@pytest.mark.parametrize(
  'change',
  [
    lambda metadata: metadata['haptic_min'].pop(),
    lambda metadata: metadata['haptic_max'].append(0.0),
    lambda metadata: metadata.update(haptic_min=[]),
    lambda metadata: metadata['haptic_min'].__setitem__(5, float('nan')),
    lambda metadata: metadata['haptic_max'].__setitem__(5, float('inf')),
    lambda metadata: metadata['haptic_max'].__setitem__(5, '1.0'),
    lambda metadata: metadata['haptic_max'].__setitem__(5, None),
    lambda metadata: metadata['haptic_max'].__setitem__(5, -1e6),
    lambda metadata: metadata.update(haptic_min='0'),
    lambda metadata: metadata.pop('haptic_min'),
    lambda metadata: metadata.update(seed='7'),
    lambda metadata: metadata.update(colour='red'),
    lambda metadata: metadata['splits'].pop('val'),
    lambda metadata: metadata['splits'].update(train=5),
    lambda metadata: metadata['splits']['train'].pop('first_index'),
    lambda metadata: metadata['splits']['train'].update(num_scenes=3.0),
    lambda metadata: metadata['splits']['test']['scene'].update(num_looks=True),
    lambda metadata: metadata['splits']['test']['scene'].update(smell='roses'),
  ],
)
@pytest.mark.parametrize('seal', [True, False])
def test_metadata_that_cannot_be_are_refused_and_a_fault(folder, capsys, change, seal):
  _edit(folder, change, seal)
  assert f'{folder / stored.METADATA} is damaged' in _refusal(folder)
  (fault,) = _faults(folder, capsys)
  assert f'{folder / stored.METADATA} is damaged' in fault


def _widen(metadata):
  metadata['haptic_max'][3] += 1


def test_another_haptic_range_is_a_fault_with_and_without_a_digest(folder, capsys):
  _edit(folder, _widen, seal=False)
  assert 'its numbers are not those written' in _refusal(folder)
  digest, measured = _faults(folder, capsys)
  assert 'its numbers are not those written' in digest
  assert 'haptic_max of' in measured and '1 of 132 numbers differ' in measured
  _forget_digests(folder)
  assert [measured] == _faults(folder, capsys)


@pytest.mark.parametrize('digests', [True, False])
def test_another_file_of_records_in_its_place_is_named_record_by_record(folder, capsys, digests):
  if not digests:
    _forget_digests(folder)
  shutil.copy(folder / TEST, folder / VAL)
  faults = _faults(folder, capsys)
  for i in (0, 1):
    assert f'{VAL}: record {i} is scene 200000000{i} of seed 7 and must be scene 1' in faults[i]
  assert 'scene 0 of val is not that scene' in _refusal(folder)


def test_scenes_of_another_seed_in_their_place_are_named(folder, tmp_path, capsys):
  other = tiny_built.build(tmp_path / 'other', seed=8)
  shutil.copy(other / TRAIN, folder / TRAIN)
  assert f'{TRAIN}: record 0 is scene 0 of seed 8 and must be' in _faults(folder, capsys)[0]
  assert 'scene 0 of train is not that scene but one of seed 8' in _refusal(folder)


def test_scenes_of_other_settings_in_their_place_are_named(folder, tmp_path, capsys):
  other = tiny_built.build(tmp_path / 'other', train_objects='held_out')
  shutil.copy(other / VAL, folder / VAL)
  (fault,) = _faults(folder, capsys)
  assert VAL in fault and 'not as it was written' in fault


def test_what_does_not_belong_to_a_dataset_is_named(folder, capsys):
  (folder / 'notes.txt').touch()
  shutil.copy(folder / VAL, folder / VAL.replace('of-00001', 'of-00002'))
  faults = _faults(folder, capsys)
  assert len(faults) == 2 and all('no file of the dataset' in fault for fault in faults)
  assert open_dataset('small', folder.parents[2])


@pytest.mark.parametrize('digests', [True, False])
@pytest.mark.parametrize('damage', ['missing', 'empty', 'halved', 'zeros'])
def test_a_damaged_file_of_records_is_named(folder, capsys, damage, digests):
  if not digests:
    _forget_digests(folder)
  DAMAGES[damage](folder / VAL)
  assert VAL in _faults(folder, capsys)[0]
  assert str(folder) in _refusal(folder)
  if digests and damage != 'zeros':
    with pytest.raises(UserError, match=f'{VAL} .* build the dataset again with --overwrite'):
      tiny_built.build(folder.parents[2])
