"""Data of one's own are known by what they hold: wherever they lie, and however they change."""

import json
import shutil

import numpy as np
import pytest

from mese_env.errors import UserError
from tests import tiny_own
from tfds_mese import own_data


def _identity(folder) -> dict:
  identity = own_data.open_folder(folder).identity
  assert json.loads(json.dumps(identity)) == identity
  assert not any(str(folder) in str(value) for value in identity.values())
  return dict(identity)


def test_data_are_what_they_hold_wherever_they_lie(tmp_path, monkeypatch):
  splits = {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(2)}
  tiny_own.write(tmp_path / 'robot', splits)
  identity = _identity(tmp_path / 'robot')
  monkeypatch.chdir(tmp_path)
  assert _identity('./robot/') == _identity('robot') == identity
  shutil.copytree('robot', 'elsewhere/copy')
  assert _identity('elsewhere/copy') == identity
  assert own_data.from_arrays(splits).identity == own_data.from_arrays(splits).identity


def _replace(folder, file, changed):
  with np.load(folder / file) as archive:
    scene = dict(archive)
  scene[changed].flat[0] += 1
  np.savez_compressed(folder / file, **scene)


@pytest.mark.parametrize(
  'change',
  [
    lambda folder: _replace(folder, 'train/001.npz', 'images'),
    lambda folder: _replace(folder, 'val/000.npz', 'hands'),
    lambda folder: _replace(folder, 'train/000.npz', 'haptics'),
    lambda folder: shutil.copy(folder / 'train/000.npz', folder / 'train/003.npz'),
    lambda folder: (folder / 'train/002.npz').unlink(),
    lambda folder: (folder / 'val/001.npz').rename(folder / 'val/007.npz'),
    lambda folder: shutil.copy(folder / 'val/000.npz', folder / 'val/001.npz'),
  ],
)
def test_any_scene_that_is_another_makes_other_data(tmp_path, change):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(2)})
  identity = _identity(tmp_path)
  change(tmp_path)
  assert _identity(tmp_path) != identity


@pytest.mark.parametrize('changed', ['images', 'cameras', 'haptics', 'hands'])
def test_a_file_that_is_replaced_while_the_data_are_in_use_is_refused(tmp_path, changed):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(2)})
  scenes = own_data.open_folder(tmp_path).splits['train']
  whole = scenes[1]
  _replace(tmp_path, 'train/001.npz', changed)
  with pytest.raises(UserError, match=r'001\.npz was replaced'):
    scenes[1]
  assert whole['index'] + 1 == scenes[2]['index']


def test_arrays_in_memory_that_differ_in_a_number_are_other_data():
  splits = {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(2)}
  identity = own_data.from_arrays(splits).identity
  splits['val']['images'][1, 2, 3, 4, 0] ^= 1
  assert own_data.from_arrays(splits).identity != identity
