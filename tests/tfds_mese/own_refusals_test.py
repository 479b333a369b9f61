"""What is wrong with data of one's own is named, by file and array, in a sentence."""

import jax
import numpy as np
import pytest

from mese_env.errors import UserError
from tests import tiny_own
from tfds_mese import own_data


def _nan(array):
  array = array.copy()
  array[2, 1] = np.nan
  return array


@pytest.mark.parametrize(
  ('name', 'damage', 'sentence'),
  [
    ('images', lambda a: a / 255, r'images is float64; it must be uint8 .* \(255 \* images\)'),
    ('images', lambda a: a[..., [0] * 5], r'images is \(4, 16, 16, 5\); it must be \(views, hei'),
    ('images', lambda a: a[0], r'images is \(16, 16, 3\); it must be \(views, height'),
    ('images', lambda a: a[:, ::4, ::4], r'images is \(4, 4, 4, 3\); .* at least 8'),
    ('images', lambda a: a[:, :0], r'images is \(4, 0, 16, 3\); .* at least 8'),
    ('images', lambda a: a[:, ::2, ::2], r'a view of images is \(8, 8\), and \(16, 16\) in the'),
    ('images', lambda a: a[:3], r'has 3 images, 4 cameras; give a pose for each view'),
    ('images', lambda a: a[:0], r'has 0 images, 4 cameras; give a pose for each view'),
    ('images', lambda a: np.array(None), r'images is object, .* or leave images and its poses out'),
    ('images', lambda a: np.uint8(3), r'images is \(\); it must be'),
    ('cameras', lambda a: a[:, :3], r'cameras is \(4, 3\); it must be \(views, 5\)'),
    ('cameras', np.rad2deg, r'cameras .* one of its radians is .* convert it'),
    ('hands', lambda a: 1000 * a[:, [0, 1, 2, 3, 3]] * [1, 1, 1, 0, 0], r'one of its metres is'),
    ('hands', _nan, r'hands\[2, 1\] is nan; every number must be finite'),
    ('haptics', lambda a: a[:, :5], r'a view of haptics is \(5,\), and \(6,\) in the scenes bef'),
    ('haptics', lambda a: a[:, :0], r'haptics is \(4, 0\); it must be \(views, sensors\)'),
    ('haptics', lambda a: a.astype(str), r'haptics is <U\d+; it must be real numbers'),
    (
      'haptics',
      lambda a: a.astype(object),
      r'haptics is object, .* give real numbers in one array',
    ),
    (
      'haptics',
      lambda a: 3e38 * np.sign(a),
      r'haptics\[0, 0\] is -?3e\+38; beyond 1e\+15 .* larger unit',
    ),
    ('haptics', lambda a: 1e300 + a, r'haptics\[0, 0\] is 1e\+300; .* finite in float32'),
    ('haptics', None, r"has no array 'haptics' but images, cameras, hands; it needs haptics"),
  ],
)
def test_what_is_wrong_with_a_scene_is_named_with_its_file(tmp_path, name, damage, sentence):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  path = tmp_path / 'train' / '001.npz'
  with np.load(path) as file:
    scene = dict(file)
  array = scene.pop(name)
  if damage:
    scene[name] = damage(array)
  np.savez_compressed(path, **scene)
  with pytest.raises(UserError, match=sentence) as refused:
    own_data.open_folder(tmp_path)
  assert str(refused.value).startswith(str(path)) and '\n' not in str(refused.value)


def test_a_scene_without_any_view_is_refused(tmp_path):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  empty = {name: array[0, :0] for name, array in tiny_own.arrays(1).items()}
  np.savez_compressed(tmp_path / 'train' / '001.npz', **empty)
  with pytest.raises(UserError, match=r'001\.npz has no view at all'):
    own_data.open_folder(tmp_path)


def test_every_byte_that_is_damaged_is_named_or_harmless(tmp_path):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(1), 'val': tiny_own.arrays(1)})
  path = tmp_path / 'train' / '000.npz'
  content, rng = path.read_bytes(), np.random.default_rng(0)
  whole = own_data.open_folder(tmp_path)
  scene, named = whole.splits['train'][0], 0
  for position in rng.integers(0, len(content), 200):
    damaged = bytearray(content)
    damaged[position] ^= 1 << rng.integers(8)
    path.write_bytes(damaged)
    try:
      dataset = own_data.open_folder(tmp_path)
      read = dataset.splits['train'][0]
    except UserError as error:
      named += '000.npz' in str(error) and '\n' not in str(error)
      continue
    jax.tree.map(np.testing.assert_array_equal, read, scene)
    named += 1
  assert named == 200


@pytest.mark.parametrize('content', [b'', b'not an archive', None])
def test_a_damaged_file_is_named(tmp_path, content):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  path = tmp_path / 'train' / '001.npz'
  path.write_bytes(path.read_bytes()[:-500] if content is None else content)
  with pytest.raises(UserError, match=r'001\.npz cannot be read \(.*\); write it again'):
    own_data.open_folder(tmp_path)


def test_a_file_damaged_after_the_check_is_named_when_read(tmp_path):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  source = own_data.open_folder(tmp_path).splits['train']
  path = tmp_path / 'train' / '001.npz'
  content = bytearray(path.read_bytes())
  content[1000] ^= 1  # Within the images, whose numbers the check does not read.
  path.write_bytes(content)
  with pytest.raises(UserError, match=r'001\.npz cannot be read'):
    source[1]


def test_an_array_in_the_place_of_an_archive_is_told(tmp_path):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  with (tmp_path / 'train' / '001.npz').open('wb') as file:
    np.save(file, np.zeros(3))
  with pytest.raises(UserError, match=r'001\.npz is a \.npy file by its content'):
    own_data.open_folder(tmp_path)


@pytest.mark.parametrize(
  ('error', 'sentence'),
  [
    (PermissionError(13, 'Permission denied'), r'001\.npz may not be read \(Permission denied\)'),
    (FileNotFoundError(2, 'No such file'), r'001\.npz is gone; put it back'),
    (OSError(5, 'Input/output error'), r'001\.npz cannot be read \(.*Input/output error'),
  ],
)
def test_what_the_system_refuses_is_named_at_opening_and_later(
  tmp_path, monkeypatch, error, sentence
):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  source, load = own_data.open_folder(tmp_path).splits['train'], np.load

  def refused(path, *arguments, **options):
    if '001' in str(path):
      raise error
    return load(path, *arguments, **options)

  monkeypatch.setattr(np, 'load', refused)
  with pytest.raises(UserError, match=sentence):
    source[1]
  with pytest.raises(UserError, match=sentence):
    own_data.open_folder(tmp_path)


def test_a_folder_that_vanishes_or_changes_is_named(tmp_path):
  tiny_own.write(tmp_path / 'robot', {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  source = own_data.open_folder(tmp_path / 'robot').splits['train']
  more = {name: np.concatenate([array[0]] * 2) for name, array in tiny_own.arrays(1).items()}
  np.savez_compressed(tmp_path / 'robot' / 'train' / '001.npz', **more)
  with pytest.raises(UserError, match=r'001\.npz was replaced while the data were in use'):
    source[1]
  (tmp_path / 'robot').rename(tmp_path / 'away')
  with pytest.raises(UserError, match=r'002\.npz is gone; put it back'):
    source[2]


@pytest.mark.parametrize(
  ('change', 'sentence'),
  [
    (lambda s: s['train'].update(images=[[[1, 2], [3]]] * 2), r'scene 0 of train: images is no'),
    (lambda s: s['train'].update(haptics=[[[1.0, 2.0], [3.0]], None]), r'scene 0 .* haptics is no'),
    (lambda s: s['train'].update(images=np.uint8(7)), 'arrays of train hold 0 images, 2 cameras'),
    (lambda s: s['train'].update(images=[]), 'arrays of train hold 0 images, 2 cameras'),
    (lambda s: s['val'].clear(), 'arrays of val hold no scenes'),
    (lambda s: s.update(val=[1, 2]), 'val is no dictionary of arrays'),
    (lambda s: s['train'].pop('cameras'), r"scene 0 of train has no array 'cameras' but images"),
    (lambda s: [s['train'].pop(name) for name in ('haptics', 'hands')],
     'scene 0 of val has grasps, and no scene of train has any'),
  ],
)  # fmt: skip
def test_what_is_wrong_with_arrays_in_memory_is_a_sentence(change, sentence):
  splits = {'train': tiny_own.arrays(2), 'val': tiny_own.arrays(2)}
  change(splits)
  with pytest.raises(UserError, match=sentence) as refused:
    own_data.from_arrays(splits)
  assert '\n' not in str(refused.value)
