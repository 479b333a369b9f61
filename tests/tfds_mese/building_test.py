"""Builds that meet object types of one's own, folders that refuse, and interruptions."""

import errno
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

import tfds_mese.__main__ as command
from mese_env.errors import UserError
from mese_env.objects import OBJECT_TYPES, ObjectType
from tests import tiny_built
from tfds_mese import chunks as chunks_lib
from tfds_mese import stored
from tfds_mese.reading import open_dataset

pytestmark = pytest.mark.long

_TOWERS = """
import numpy as np
from mese_env.objects import OBJECT_TYPES, Object, ObjectType
from mese_env.shapes import PITCH, ShapeIds, sample_colours

def sample(num_parts, which, shape_rng, colour_rng):
  positions = np.zeros((num_parts, 3))
  positions[:, 2] = PITCH * (np.arange(num_parts) - (num_parts - 1) / 2)
  return Object(positions, sample_colours(num_parts, colour_rng), ShapeIds(2, 2, 0))

OBJECT_TYPES['tower'] = ObjectType('tower', (2, 3), sample)
"""
_OF_TOWERS = {'scene': tiny_built.CONFIG['scene'] | {'object_type': 'tower', 'num_parts': 3}}


@pytest.fixture
def towers(tmp_path, monkeypatch):
  """A module of one's own that enters an object type."""
  (tmp_path / 'own_towers.py').write_text(_TOWERS)
  monkeypatch.syspath_prepend(tmp_path)
  yield importlib.import_module('own_towers')
  OBJECT_TYPES.pop('tower', None)
  del sys.modules['own_towers']


@pytest.mark.parametrize('absent', ['num_looks', 'num_grasps'])
def test_a_dataset_of_one_sense_alone_is_built_and_read(absent, tmp_path):
  scene = tiny_built.CONFIG['scene'] | {absent: 0}
  config = json.dumps(tiny_built.CONFIG | {'scene': scene})
  command.main([f'--config={config}', f'--data_dir={tmp_path}'])
  (first, *_) = open_dataset('small', tmp_path).splits['train']
  assert len(first['images']) == scene['num_looks']
  assert len(first['haptics']) == scene['num_grasps']


def test_an_object_type_of_ones_own_reaches_the_generating_processes(towers, tmp_path):
  # As it is before the command imports the module.
  del OBJECT_TYPES['tower'], sys.modules['own_towers']
  config = json.dumps(tiny_built.CONFIG | _OF_TOWERS)
  command.main([f'--config={config}', '--imports=own_towers', f'--data_dir={tmp_path}'])
  del OBJECT_TYPES['tower']  # What is built can be read where the type is not known.
  for scene in open_dataset('small', tmp_path).splits['train']:
    assert scene['walk_id'] == 2 and scene['positions'].shape == (3, 3)
  folder = str(tmp_path / 'tfds_mese/small/1.0.0')
  assert command.main(['verify', folder, '--scenes=0']) == 0
  with pytest.raises(UserError, match="are of the type 'tower', .* with --scenes=0"):
    command.main(['verify', folder, '--scenes=1'])


def test_an_object_type_of_the_main_program_is_refused_before_anything_starts(towers, tmp_path):
  towers.sample.__module__ = '__main__'
  with pytest.raises(UserError, match="type 'tower' is made by the main program"):
    tiny_built.build(tmp_path / 'data', **_OF_TOWERS)


def test_an_object_type_that_its_module_does_not_enter_is_refused(towers, tmp_path):
  OBJECT_TYPES['tower'] = ObjectType('tower', (2, 3), tiny_built.build)
  with pytest.raises(UserError, match="object_type is 'tower'; use one of shepard_metzler"):
    tiny_built.build(tmp_path / 'data', **_OF_TOWERS)


@pytest.mark.parametrize('number', [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize('where', ['mkdir', 'lock'])
def test_a_folder_that_refuses_is_one_sentence(tmp_path, monkeypatch, number, where):
  def refuse(path, *arguments, **keywords):
    if where == 'mkdir' or path.name == '.lock':
      raise OSError(number, os.strerror(number), str(path))
    return real(path, *arguments, **keywords)

  method = 'mkdir' if where == 'mkdir' else 'open'
  real = getattr(pathlib.Path, method)
  monkeypatch.setattr(pathlib.Path, method, refuse)
  with pytest.raises(UserError, match='choose another place with --data_dir'):
    tiny_built.build(tmp_path / 'data')


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path):
  (tmp_path / 'data').touch()
  with pytest.raises(UserError, match='cannot write to'):
    tiny_built.build(tmp_path / 'data')


def test_a_disk_that_fills_while_the_files_are_written_is_one_sentence(tmp_path, monkeypatch):
  def fill_up(*arguments):
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

  monkeypatch.setattr(chunks_lib, 'read_chunks', fill_up)
  with pytest.raises(UserError, match='free some space and run the same command again'):
    tiny_built.build(tmp_path)
  monkeypatch.undo()
  assert {path.name[:6] for path in (tmp_path / 'tfds_mese/small').iterdir()} == {'.lock', 'chunks'}
  tiny_built.build(tmp_path)


def test_an_interrupted_build_leaves_no_process_and_only_finished_chunks(tmp_path):
  config = tiny_built.CONFIG | {'num_train': 400}
  arguments = [sys.executable, '-m', 'tfds_mese', f'--config={json.dumps(config)}']
  process = subprocess.Popen(
    [*arguments, f'--data_dir={tmp_path}'],
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
  )
  deadline = time.monotonic() + 120
  while not list(tmp_path.rglob('*.npz')) and time.monotonic() < deadline:
    time.sleep(0.01)
  os.killpg(process.pid, signal.SIGINT)  # As a terminal does.
  _, errors = process.communicate(timeout=60)
  assert process.returncode not in (0, -signal.SIGINT) and 'Traceback' not in errors, errors
  with pytest.raises(ProcessLookupError):
    os.killpg(process.pid, 0)
  (cache,) = tmp_path.glob('tfds_mese/small/chunks-*')
  assert {path.suffix for path in cache.iterdir()} == {'.npz'}
  assert {path.name for path in cache.parent.iterdir()} == {'.lock', cache.name}


def test_a_folder_without_its_small_files_is_not_taken_for_a_dataset(tmp_path):
  folder = tiny_built.build(tmp_path)
  for name in stored.SMALL_FILES:
    (folder / name).unlink()
  with pytest.raises(UserError, match=f'{stored.METADATA} is missing: move {folder} away'):
    tiny_built.build(tmp_path)
  shutil.move(folder, tmp_path / 'away')
  assert stored.is_built(tiny_built.build(tmp_path))


def test_bad_arguments_are_one_sentence(tmp_path):
  for arguments, sentence in (
    (['verify', str(tmp_path / 'none')], 'holds no dataset'),
    (['verify', str(tmp_path), '--scenes=-1'], '--scenes is -1'),
    (['--config_idx=4'], '--config_idx is 4; give one from 0 to 3'),
    (['--config_idx=0', '--config=shepard_metzler_4'], 'give one of them'),
    (['--imports=own_twoers'], '--imports=own_twoers cannot be imported'),
    (['stats', '../none'], 'there is no folder'),
    (['stats', 'none', f'--data_dir={tmp_path}'], "the dataset 'none' is not in"),
  ):
    with pytest.raises(UserError, match=sentence):
      command.main(arguments)
