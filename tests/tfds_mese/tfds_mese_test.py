"""The dataset: what is read back is what was generated, for any workers and after any kill."""

import errno
import fcntl
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env import SceneConfig, generate_scene
from mese_env.errors import UserError
from tfds_mese import chunks as chunks_lib
from tfds_mese import configs
from tfds_mese.reading import open_dataset
from tfds_mese.tfds_mese_dataset_builder import Builder

pytestmark = pytest.mark.long

# Two chunks to train on, so that two workers have something to share.
SMALL = {
  'name': 'small',
  'num_train': 60,
  'num_val': 2,
  'num_test': 8,
  'train_objects': 'seen',
  'test_objects': 'held_out',
  'seed': 7,
  'scene': {'num_looks': 2, 'num_grasps': 1, 'image_size': 16},
}


def build(data_dir: pathlib.Path, num_workers: int, **changes) -> None:
  config = configs.MeseConfig(**(SMALL | changes))
  Builder(config=config, data_dir=data_dir, num_workers=num_workers).download_and_prepare()


def files(data_dir: pathlib.Path) -> dict[str, bytes]:
  return {
    str(path.relative_to(data_dir)): path.read_bytes()
    for path in data_dir.glob('tfds_mese/small/**/*')
    if path.is_file()
  }


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('built')
  build(folder, num_workers=2)
  return folder


@pytest.fixture(scope='module')
def dataset(data_dir):
  return open_dataset('small', data_dir)


def test_scene_read_back_is_the_scene_generated(dataset):
  for split, objects in {'train': 'seen', 'val': 'seen', 'test': 'held_out'}.items():
    config = SceneConfig(objects=objects, **SMALL['scene'])
    source = dataset.splits[split]
    assert len(source) == SMALL[f'num_{split}']
    for position in (0, len(source) - 1):
      read = source[position]
      made = generate_scene(config, SMALL['seed'], int(read['index']))
      assert read.keys() == made.keys()
      for name, array in made.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array, err_msg=name)


def test_of_a_scene_only_the_fields_asked_for_are_decoded(dataset, data_dir):
  narrow = open_dataset('small', data_dir, fields=('index', 'haptics')).splits['val']
  for scene, whole in zip(narrow, dataset.splits['val'], strict=True):
    assert scene.keys() == {'index', 'haptics'}
    assert scene['index'] == whole['index']
    np.testing.assert_array_equal(scene['haptics'], whole['haptics'])


def test_no_scene_and_no_held_out_cell_set_is_shared(dataset):
  indices = [int(scene['index']) for source in dataset.splits.values() for scene in source]
  assert len(set(indices)) == len(indices) == 70
  cells = {
    split: {int(scene['cells_id']) for scene in source} for split, source in dataset.splits.items()
  }
  assert not cells['test'] & (cells['train'] | cells['val'])


def test_haptic_range_is_that_of_the_training_split(dataset):
  haptics = np.concatenate([scene['haptics'] for scene in dataset.splits['train']])
  np.testing.assert_array_equal(dataset.ranges['haptic'][0], haptics.min(axis=0))
  np.testing.assert_array_equal(dataset.ranges['haptic'][1], haptics.max(axis=0))
  assert dataset.ranges['haptic'][0].dtype == np.float32
  assert dataset.metadata['seed'] == SMALL['seed']


def test_files_are_the_same_for_any_number_of_workers(data_dir, tmp_path):
  build(tmp_path, num_workers=1)
  assert files(tmp_path) == files(data_dir)


def test_killed_build_continues_from_its_finished_chunks(data_dir, tmp_path, capfd):
  arguments = [f'--config={json.dumps(SMALL)}', f'--data_dir={tmp_path}']
  started = [sys.executable, '-m', 'tfds_mese', *arguments]
  process = subprocess.Popen(started, stderr=subprocess.PIPE, text=True)
  try:
    finished = []
    deadline = time.monotonic() + 120
    while not finished and process.poll() is None and time.monotonic() < deadline:
      finished = list(tmp_path.glob('tfds_mese/small/chunks-*/*.npz'))
      time.sleep(0.005)
  finally:
    process.send_signal(signal.SIGKILL)
    # Ends with the last of the generating processes, which have it too and may finish a chunk.
    said = process.communicate()[1]
  assert 'Traceback' not in said
  finished = list(tmp_path.glob('tfds_mese/small/chunks-*/*.npz'))
  assert finished and process.returncode == -signal.SIGKILL
  capfd.readouterr()

  build(tmp_path, num_workers=2)

  kept = sum(int(path.stem[11:]) - int(path.stem[:10]) for path in finished)
  assert f'70 scenes, {kept} of them from an earlier run' in capfd.readouterr().err
  assert files(tmp_path) == files(data_dir)
  left = {path.name for path in tmp_path.glob('tfds_mese/small/*')}
  assert left == {'.lock', '1.0.0'}


def test_full_disk_is_refused_before_the_start(tmp_path, monkeypatch):
  usage = type('Usage', (), {'free': 1000})
  monkeypatch.setattr('shutil.disk_usage', lambda path: usage)
  with pytest.raises(UserError, match=f'disk of {tmp_path} has 1000 bytes free'):
    build(tmp_path, num_workers=1)


def test_full_disk_leaves_no_half_written_chunk(tmp_path, monkeypatch):
  def fill_up(file):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr('os.fsync', fill_up)
  scene = SceneConfig(num_looks=1, num_grasps=1, image_size=8)
  with pytest.raises(OSError, match='No space left'):
    chunks_lib.write_chunk(chunks_lib.Chunk(scene, 0, 0, 1), tmp_path)
  assert not list(tmp_path.iterdir())


def test_second_build_of_the_same_dataset_is_refused(tmp_path):
  folder = tmp_path / 'tfds_mese' / 'small'
  folder.mkdir(parents=True)
  with (folder / '.lock').open('w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(UserError, match='another build of .* is running'):
      build(tmp_path, num_workers=1)


def test_dataset_of_other_settings_is_not_reused(data_dir):
  with pytest.raises(UserError, match='holds a dataset of other settings'):
    build(data_dir, num_workers=1, seed=8)


def test_dataset_of_before_there_was_a_field_is_taken_for_one_of_its_default(data_dir, tmp_path):
  shutil.copytree(data_dir, tmp_path, dirs_exist_ok=True)
  path = tmp_path / 'tfds_mese/small/1.0.0/metadata.json'
  metadata = json.loads(path.read_text())
  assert {split['scene'].pop('hand') for split in metadata['splits'].values()} == {'primitive'}
  path.write_text(json.dumps(metadata))
  build(tmp_path, num_workers=1)
  with pytest.raises(UserError, match='holds a dataset of other settings'):
    build(tmp_path, num_workers=1, scene=SMALL['scene'] | {'hand': 'mesh'})


def test_partial_dataset_is_neither_opened_nor_taken_for_the_whole(tmp_path):
  arguments = [f'--config={json.dumps(SMALL)}', f'--data_dir={tmp_path}']
  command.main([*arguments, '--max_examples_per_split=2'])
  with pytest.raises(UserError, match='has 2 of the 60 scenes of train'):
    open_dataset('small', tmp_path)
  with pytest.raises(UserError, match='holds 2 of 60 scenes of train'):
    command.main(arguments)
  command.main([*arguments, '--overwrite'])
  assert len(open_dataset('small', tmp_path).splits['train']) == 60


def test_dataset_of_another_version_is_refused(tmp_path):
  folder = tmp_path / 'tfds_mese' / 'shepard_metzler_5_tiny' / '0.9.0'
  folder.mkdir(parents=True)
  (folder / 'dataset_info.json').write_text('{}')
  with pytest.raises(UserError, match='holds version 0.9.0 .* build it with `python -m tfds_mese'):
    open_dataset('shepard_metzler_5_tiny', tmp_path)


def test_missing_dataset_names_the_command_or_the_near_name(tmp_path):
  with pytest.raises(UserError, match='python -m tfds_mese --config=shepard_metzler_4 --data_dir='):
    open_dataset('shepard_metzler_4', tmp_path)
  with pytest.raises(UserError, match='python -m tfds_mese --config=shepard_metzler_5_9_1_1 '):
    open_dataset('shepard_metzler_5_9_1_1', tmp_path)
  with pytest.raises(UserError, match="did you mean 'shepard_metzler_5_tiny'"):
    open_dataset('shepard_metzler_5_tin', tmp_path)


@pytest.mark.parametrize(
  ('config', 'sentence'),
  [
    ('shepard_metzler_5_tinny', "did you mean 'shepard_metzler_5_tiny'?"),
    ('{"num_trian": 5}', "no field 'num_trian': did you mean 'num_train'?"),
    ('{"num_train": 0}', 'num_train is 0'),
    ('{"scene": {"image_siz": 8}}', "did you mean 'image_size'?"),
    ('{"scene": {"image_size": 30}}', 'image_size is 30'),
    ('{"scene": {"hand": "mash"}}', "did you mean 'mesh'?"),
    ('{"scene": {"hand": "mesh"}}', 'must be given a "name"'),
    ('{"seed": 3}', 'must be given a "name"'),
    ('{num_train: 5}', 'is not JSON'),
  ],
)
def test_bad_config_is_refused_with_a_sentence(config, sentence, tmp_path):
  with pytest.raises(UserError) as error:
    command.main([f'--config={config}', f'--data_dir={tmp_path}'])
  assert sentence in str(error.value)
  assert not list(tmp_path.iterdir())
