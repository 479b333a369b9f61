"""Damage to a built dataset is found and named, and builds spread over machines are whole."""

import json
import pathlib
import re
import shutil

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env.errors import UserError
from tfds_mese import stored
from tfds_mese.reading import open_dataset

pytestmark = pytest.mark.long

SMALL = {
  'name': 'small',
  'num_train': 60,
  'num_val': 2,
  'num_test': 3,
  'seed': 3,
  'scene': {'num_looks': 2, 'num_grasps': 1, 'image_size': 16},
}
BUILD = [f'--config={json.dumps(SMALL)}']


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  data_dir = tmp_path_factory.mktemp('whole')
  command.main([*BUILD, f'--data_dir={data_dir}'])
  return data_dir


@pytest.fixture
def copy(whole, tmp_path):
  """A dataset to damage, its version folder and its file of training scenes."""
  shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
  folder = next(tmp_path.glob('tfds_mese/small/*/dataset_info.json')).parent
  return tmp_path, folder, next(folder.glob('*-train.*'))


def contents(data_dir: pathlib.Path) -> dict[str, bytes]:
  return {path.name: path.read_bytes() for path in data_dir.glob('tfds_mese/small/*/*-of-*')}


def test_sound_dataset_has_no_faults(whole, capsys):
  folder = next(whole.glob('tfds_mese/small/*/dataset_info.json')).parent
  assert command.main(['verify', str(folder), '--scenes=2']) == 0
  assert '0 faults' in capsys.readouterr().out


def test_flipped_byte_is_found_named_and_never_read(copy, capsys):
  data_dir, folder, file = copy
  content = bytearray(file.read_bytes())
  rng = np.random.default_rng(0)
  # The first tenth of the file holds scenes, without the padding at its end.
  offset = int(rng.integers(1000, len(content) // 10))
  content[offset] ^= 1
  file.write_bytes(content)

  assert command.main(['verify', str(folder), '--scenes=0']) == 1
  (damaged,) = re.findall(rf'{file.name}: record (\d+) is damaged', capsys.readouterr().out)
  source = open_dataset('small', data_dir).splits['train']
  with pytest.raises(UserError, match=f'scene {damaged} of train cannot be read'):
    source[int(damaged)]


def test_truncated_file_is_named(copy, capsys):
  _, folder, file = copy
  file.write_bytes(file.read_bytes()[:-1000])
  assert command.main(['verify', str(folder), '--scenes=0']) == 1
  assert f'{file.name}: the file is not whole' in capsys.readouterr().out


def test_missing_file_is_named(copy, capsys):
  data_dir, folder, file = copy
  file.unlink()
  assert command.main(['verify', str(folder), '--scenes=0']) == 1
  assert f'{file.name}: the file is missing' in capsys.readouterr().out
  with pytest.raises(UserError, match=f'{file.name} is missing'):
    open_dataset('small', data_dir)


def test_scenes_that_the_metadata_does_not_explain_are_named(copy, capsys):
  _, folder, file = copy
  metadata = folder / 'metadata.json'
  changed = json.loads(metadata.read_text())
  changed['splits']['train']['scene']['objects'] = 'held_out'
  metadata.write_text(json.dumps(stored.sealed(changed)))
  assert command.main(['verify', str(folder), '--scenes=1']) == 1
  assert re.search(rf'{file.name}: record \d+ .* not what .* images', capsys.readouterr().out)


def test_verify_refuses_what_is_no_dataset(tmp_path):
  with pytest.raises(UserError, match='holds no dataset'):
    command.main(['verify', str(tmp_path)])


def test_shares_of_two_machines_make_the_same_dataset(whole, tmp_path, capsys):
  one, two = tmp_path / 'one', tmp_path / 'two'
  for share, data_dir in enumerate((one, two), start=1):
    command.main([*BUILD, f'--shards={share}/2', f'--data_dir={data_dir}'])
    assert not contents(data_dir)
  chunks = [path for path in two.rglob('*.npz')]
  assert chunks
  for path in chunks:
    shutil.copy(path, one / path.relative_to(two))
  capsys.readouterr()
  command.main([*BUILD, f'--data_dir={one}'])
  assert '65 scenes, 65 of them from an earlier run' in capsys.readouterr().err
  assert contents(one) == contents(whole)


def test_beam_makes_the_same_dataset(whole, tmp_path):
  pytest.importorskip('apache_beam', reason='Beam comes with the extra [tfds]')
  options = '--beam_pipeline_options=runner=DirectRunner'
  command.main([*BUILD, options, f'--data_dir={tmp_path}'])
  assert contents(tmp_path) == contents(whole)


@pytest.mark.parametrize('shards', ['2', '0/2', '3/2', 'a/b'])
def test_bad_share_is_refused(shards, tmp_path):
  with pytest.raises(UserError, match='write 2/4 for the second of four'):
    command.main([*BUILD, f'--shards={shards}', f'--data_dir={tmp_path}'])
