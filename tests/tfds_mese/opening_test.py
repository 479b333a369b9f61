"""Opening a built dataset by all its names, and reading it as a list."""

import json
import pathlib
import pickle
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env.errors import UserError
from tests import tiny_built
from tfds_mese import statistics, stored
from tfds_mese.reading import open_dataset

pytestmark = pytest.mark.long

_DATA_SOURCE = """
import sys
import tensorflow_datasets as tfds
source = tfds.data_source('tfds_mese/small', split='train', data_dir=sys.argv[1])
print(len(source), source[0]['images'].shape, 'tensorflow' in sys.modules)
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return tiny_built.build(tmp_path_factory.mktemp('whole'))


@pytest.fixture(scope='module')
def train(folder):
  return open_dataset('small', folder.parents[2]).splits['train']


def _indices(scenes):
  return [int(scene['index']) for scene in scenes]


def _refusal(*arguments, **keywords):
  with pytest.raises(UserError) as error:
    open_dataset(*arguments, **keywords)
  assert '\n' not in str(error.value)
  return str(error.value)


@pytest.mark.parametrize(
  'position', [np.int64(2), np.uint8(2), np.array(2), -1, np.int8(-1), pytest.param(2, id='int')]
)
def test_a_position_is_any_whole_number(train, position):
  assert int(train[position]['index']) == 2


@pytest.mark.parametrize('position', [3, -4, np.int64(9), 2**70])
def test_a_position_outside_is_an_index_error(train, position):
  with pytest.raises(IndexError, match='there are 3 scenes'):
    train[position]


@pytest.mark.parametrize('position', ['2', 1.0, None, [1], np.arange(2)])
def test_a_position_that_is_no_number_is_a_type_error(train, position):
  with pytest.raises(TypeError, match='by a whole number or a slice'):
    train[position]


@pytest.mark.parametrize(
  'part', [slice(1, 3), slice(None), slice(-2, None), slice(None, None, -1), slice(2, 9), slice(0)]
)
def test_a_slice_holds_the_scenes_that_one_of_a_list_would(train, part):
  assert _indices(train[part]) == [0, 1, 2][part]
  assert len(train[part]) == len([0, 1, 2][part])
  assert _indices(train[part][::-1]) == [0, 1, 2][part][::-1]


def test_scenes_are_a_sequence(train):
  assert _indices(reversed(train)) == [2, 1, 0]
  assert sorted(_indices(random.sample(train, 3))) == [0, 1, 2]
  assert _indices(pickle.loads(pickle.dumps(train))) == [0, 1, 2]


@pytest.mark.parametrize('as_type', [str, pathlib.Path])
def test_a_folder_of_a_built_dataset_is_opened_as_one(folder, as_type, monkeypatch):
  by_name = open_dataset('small', folder.parents[2])
  monkeypatch.chdir(folder)
  for path in (folder, folder.parent, pathlib.Path('../1.0.0')):
    opened = open_dataset(as_type(path))
    assert _indices(opened.splits['train']) == [0, 1, 2]
    assert opened.identity == by_name.identity
  assert 'leave data_dir out' in _refusal(as_type(folder), folder.parents[2])


def test_a_path_is_a_folder_also_without_a_slash(folder, monkeypatch):
  monkeypatch.chdir(folder.parents[1])
  assert open_dataset(pathlib.Path('small')).splits.keys() == {'train', 'val', 'test'}
  assert 'if you mean the folder of that name, write ./small.' in _refusal('small', 'elsewhere')


def test_a_folder_of_datasets_names_one_of_them(folder):
  for path in (folder.parents[1], folder.parents[2]):
    assert f"open_dataset('small', data_dir='{folder.parents[2]}')" in _refusal(path)


def test_a_folder_of_another_version_is_missing(folder, tmp_path):
  other = tmp_path / 'tfds_mese' / 'small' / '0.9.0'
  shutil.copytree(folder, other)
  assert 'holds version 0.9.0 of the dataset' in _refusal(other.parent)
  metadata = json.loads((other / stored.METADATA).read_text()) | {'generator_version': '0.9.0'}
  (other / stored.METADATA).write_text(json.dumps(stored.sealed(metadata)))
  assert 'read it with the version of gmn_jax that built it' in _refusal(other)


@pytest.mark.parametrize('name', ['', '..', '.', 'a b', '~', 'x' * 300])
def test_a_name_that_no_dataset_can_have_is_refused(name, folder):
  assert 'cannot be the name of a dataset' in _refusal(name, folder.parents[2])


def test_an_unknown_field_names_the_near_one(folder):
  for fields in (['image'], 'image', ('index', 'image')):
    assert "no field 'image': did you mean 'images'?" in _refusal(
      'small', folder.parents[2], fields
    )
  assert open_dataset('small', folder.parents[2], 'hands').splits['val'][0].keys() == {'hands'}


def test_data_dir_has_to_be_a_folder_of_this_machine(monkeypatch):
  for data_dir in ('gs://bucket/data', pathlib.Path('s3://bucket')):
    assert 'no folder of this machine' in _refusal('small', data_dir)
  monkeypatch.delenv('HOME')
  monkeypatch.setattr('os.path.expanduser', lambda path: path)
  assert 'there is no home folder' in _refusal('small', '~/data')


@pytest.mark.parametrize('stock', ['shepard_metzler_5_tiny', 'shepard_metzler_5_3_2_2'])
def test_another_dataset_under_a_stock_name_is_not_opened(folder, tmp_path, stock, capsys):
  renamed = tmp_path / 'tfds_mese' / stock / '1.0.0'
  shutil.copytree(folder, renamed)
  for sentence in (_refusal(stock, tmp_path), _refusal(renamed)):
    assert f'{renamed} does not hold the dataset {stock!r}' in sentence
    assert 'and not' in sentence and 'a name of its own' in sentence
  with pytest.raises(UserError, match='does not hold the dataset'):
    command.main(['verify', str(renamed), '--scenes=0'])
  with pytest.raises(UserError, match='does not hold the dataset'):
    command.main([f'--config={stock}', f'--data_dir={tmp_path}', '--overwrite'])
  assert (renamed / stored.INFO).exists()


def test_identity_is_that_of_a_copy_and_of_no_other_dataset(folder, tmp_path):
  identity = open_dataset('small', folder.parents[2]).identity
  shutil.copytree(folder, tmp_path / 'copy/tfds_mese/small/1.0.0')
  assert open_dataset('small', tmp_path / 'copy').identity == identity
  assert json.loads(json.dumps(identity)) == identity
  assert not any(str(tmp_path.parent) in str(value) for value in identity.values())
  for i, changes in enumerate(
    ({'seed': 8}, {'num_train': 4}, {'num_val': 3}, {'train_objects': 'seen'},
     {'scene': tiny_built.CONFIG['scene'] | {'num_grasps': 2}}, {'name': 'other'})
  ):  # fmt: skip
    other = tiny_built.build(tmp_path / str(i), **changes)
    assert open_dataset(other).identity != identity, changes


def test_identity_notices_other_records_under_the_same_metadata(folder, tmp_path):
  identity = open_dataset('small', folder.parents[2]).identity
  other = tiny_built.build(tmp_path, seed=8)
  name = next(other.glob('*-train.*')).name
  shutil.copytree(folder, tmp_path / 'copy/tfds_mese/small/1.0.0')
  shutil.copy(other / name, tmp_path / 'copy/tfds_mese/small/1.0.0')
  changed = open_dataset('small', tmp_path / 'copy').identity
  assert {key for key in identity if identity[key] != changed[key]} == {'records of train'}


def test_tfds_reads_it_at_random_and_its_load_says_what_to_call(folder):
  # In a process of its own, as TensorFlow must not be loaded for it.
  arguments = [sys.executable, '-c', _DATA_SOURCE, str(folder.parents[2])]
  done = subprocess.run(arguments, capture_output=True, text=True)
  assert done.stdout == '3 (2, 8, 8, 3) False\n', done.stderr
  config = tiny_built.MeseConfig(**tiny_built.CONFIG)
  builder = tiny_built.Builder(config=config, data_dir=folder.parents[2])
  with pytest.raises(UserError, match=r"call tfds.data_source\('tfds_mese/small'\) or tfds_mese"):
    builder.as_dataset(split='train')


def test_stats_of_built_data_and_of_ones_own(folder, tmp_path, capsys):
  command.main(['stats', 'small', f'--data_dir={folder.parents[2]}'])
  assert '| train | 3 | ' in capsys.readouterr().out
  rng = np.random.default_rng(0)
  for split in ('train', 'val'):
    (tmp_path / split).mkdir()
    np.savez(
      tmp_path / split / '0.npz',
      images=rng.integers(0, 256, (2, 8, 8, 3), np.uint8),
      cameras=rng.random((2, 5)),
      haptics=rng.random((2, 4)),
      hands=rng.random((2, 5)),
    )
  command.main(['stats', str(tmp_path)])
  out = capsys.readouterr().out
  assert '| split | scenes | mean of images (0 to 255) |' in out and '| val | 1 | ' in out
  assert '| all | ? | 4 | ' in out
  command.main(['stats', str(tmp_path), '--per_sensor'])
  assert '| 3 | ? | 1 | ' in capsys.readouterr().out


def test_stats_are_of_the_views_that_a_scene_has():
  whole = {'images': np.full((2, 8, 8, 3), 10, np.uint8), 'haptics': np.ones((2, 4), np.float32)}
  gaps = {
    'images': np.zeros((2, 8, 8, 3), np.uint8),
    'images_there': np.zeros(2, bool),
    'haptics': np.array([[3] * 4, [0] * 4], np.float32),
    'haptics_there': np.array([True, False]),
  }
  without_touch = [{'images': whole['images']}]
  assert list(statistics.object_table({'train': [whole, gaps]}))[-1] == '| train | 2 | 10.00 |'
  *_, row = statistics.haptic_table([whole, gaps, *without_touch], per_sensor=False)
  assert row.startswith('| all | ? | 4 | 1.667 ') and row.endswith('| 1 | 3 | 100% |')
  assert not list(statistics.haptic_table(without_touch, per_sensor=True))
