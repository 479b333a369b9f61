"""Data of one's own: the recipe of the docs works, and what is wrong is named by file and array."""

import json
import pathlib
import re
import shutil

import jax
import numpy as np
import pytest

from gmn_jax.config import make_model
from gmn_jax.senses import HAPTIC, cut_scenes
from gmn_jax.senses.sense import as_ranges
from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.input import check_dataset, train_batches
from gmn_jax.training.sharding import make_layout
from gmn_jax.training.train import train
from mese_env.errors import UserError
from tests.tiny_run import tiny_config
from tfds_mese import own_data
from tfds_mese.reading import open_dataset

_DOCS = pathlib.Path(__file__).parents[2] / 'docs' / 'own_data.md'


def _arrays(scenes: int, sensors: int = 6) -> dict[str, np.ndarray]:
  rng = np.random.default_rng(scenes)
  return {
    'images': rng.integers(0, 256, (scenes, 4, 16, 16, 3), np.uint8),
    'cameras': rng.uniform(-1, 1, (scenes, 4, 5)),
    'haptics': rng.normal(size=(scenes, 4, sensors)),
    'hands': rng.uniform(-1, 1, (scenes, 4, 5)),
  }


def _write(folder: pathlib.Path, splits: dict[str, dict[str, np.ndarray]]) -> None:
  for split, arrays in splits.items():
    (folder / split).mkdir(parents=True)
    for i in range(len(arrays['images'])):
      scene = {name: array[i] for name, array in arrays.items()}
      np.savez_compressed(folder / split / f'{i:03d}.npz', **scene)


@pytest.mark.long
def test_the_recipe_of_the_docs_makes_a_dataset_to_train_on(tmp_path, monkeypatch):
  recipe, in_memory = re.findall(r'```python\n(.*?)```', _DOCS.read_text(), re.DOTALL)
  monkeypatch.chdir(tmp_path)
  exec(recipe.replace('range(300)', 'range(11)'), {})
  dataset = open_dataset('./robot')
  assert {split: len(source) for split, source in dataset.splits.items()} == {'train': 9, 'val': 2}
  with pytest.raises(UserError, match=r'have 24 sensors, and haptic_channels is 132; give .*=24'):
    train(tiny_config(dataset='./robot'), dataset, tmp_path / 'refused')
  assert not (tmp_path / 'refused').exists()
  config = tiny_config(dataset='./robot', haptic_channels=24, batch_size=1)
  check_dataset(config, dataset)
  model = make_model(config)
  layout = make_layout(1, 1, jax.devices())
  batch = next(train_batches(dataset.splits['train'], 1, 0, layout.scenes))
  views = cut_scenes(model.modalities, batch, as_ranges(dataset.ranges))
  assert [sense.shape for sense in views.senses] == [(1, 15, 8, 8, 3), (1, 15, 24)]
  assert -1 <= views.senses[1].min() < views.senses[1].max() <= 1
  assert 'own_data.from_arrays' in in_memory


def test_a_folder_and_arrays_in_memory_are_the_same_dataset(tmp_path):
  splits = {'train': _arrays(3), 'val': _arrays(2), 'test': _arrays(1)}
  _write(tmp_path / 'robot', splits)
  folder, memory = own_data.open_folder(tmp_path / 'robot'), own_data.from_arrays(splits)
  haptics = splits['train']['haptics'].astype(np.float32)
  for dataset in (folder, memory):
    np.testing.assert_array_equal(dataset.ranges['haptic'][0], haptics.min(axis=(0, 1)))
    np.testing.assert_array_equal(dataset.ranges['haptic'][1], haptics.max(axis=(0, 1)))
  indices = []
  for split, source in folder.splits.items():
    for scene, other in zip(source, memory.splits[split], strict=True):
      jax.tree.map(np.testing.assert_array_equal, scene, other)
      assert scene['haptics'].dtype == np.float32 and scene['images'].dtype == np.uint8
      indices.append(int(scene['index']))
  assert len(set(indices)) == 6
  np.testing.assert_array_equal(folder.splits['val'][1]['images'], splits['val']['images'][1])


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
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
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
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
  empty = {name: array[0, :0] for name, array in _arrays(1).items()}
  np.savez_compressed(tmp_path / 'train' / '001.npz', **empty)
  with pytest.raises(UserError, match=r'001\.npz has no view at all'):
    own_data.open_folder(tmp_path)


def test_every_byte_that_is_damaged_is_named_or_harmless(tmp_path):
  _write(tmp_path, {'train': _arrays(1), 'val': _arrays(1)})
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
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
  path = tmp_path / 'train' / '001.npz'
  path.write_bytes(path.read_bytes()[:-500] if content is None else content)
  with pytest.raises(UserError, match=r'001\.npz cannot be read \(.*\); write it again'):
    own_data.open_folder(tmp_path)


def test_a_file_damaged_after_the_check_is_named_when_read(tmp_path):
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
  source = own_data.open_folder(tmp_path).splits['train']
  path = tmp_path / 'train' / '001.npz'
  content = bytearray(path.read_bytes())
  content[1000] ^= 1  # Within the images, whose numbers the check does not read.
  path.write_bytes(content)
  with pytest.raises(UserError, match=r'001\.npz cannot be read'):
    source[1]


def test_what_is_missing_around_the_scenes_is_named(tmp_path, monkeypatch):
  with pytest.raises(UserError, match=r'no folder .*/nowhere; --config.dataset with a slash'):
    open_dataset(f'{tmp_path}/nowhere')
  _write(tmp_path / 'robot', {'train': _arrays(1)})
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=r'robot/val holds no .npz file'):
    open_dataset('./robot')
  with pytest.raises(UserError, match='the folder of that name, write ./robot'):
    open_dataset('robot')
  with pytest.raises(UserError, match='leave data_dir out'):
    open_dataset('./robot', tmp_path)
  with pytest.raises(UserError, match="split 'val' is missing"):
    own_data.from_arrays({'train': _arrays(1)})
  with pytest.raises(UserError, match="no split 'valid'; did you mean 'val'"):
    own_data.from_arrays({'train': _arrays(1), 'valid': _arrays(1)})
  uneven = _arrays(2) | {'hands': _arrays(3)['hands']}
  with pytest.raises(UserError, match='hold 2 images, .* 3 hands scenes'):
    own_data.from_arrays({'train': uneven, 'val': _arrays(1)})
  with pytest.raises(UserError, match="'m8' halves the simulated hand's 132; use m2 or m5"):
    tiny_config(modalities='m8', haptic_channels=24)


def test_an_array_in_the_place_of_an_archive_is_told(tmp_path):
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
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
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
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
  _write(tmp_path / 'robot', {'train': _arrays(3), 'val': _arrays(1)})
  source = own_data.open_folder(tmp_path / 'robot').splits['train']
  more = {name: np.concatenate([array[0]] * 2) for name, array in _arrays(1).items()}
  np.savez_compressed(tmp_path / 'robot' / 'train' / '001.npz', **more)
  with pytest.raises(UserError, match=r'001\.npz was replaced while the data were in use'):
    source[1]
  (tmp_path / 'robot').rename(tmp_path / 'away')
  with pytest.raises(UserError, match=r'002\.npz is gone; put it back'):
    source[2]


def test_hidden_files_are_no_scenes(tmp_path):
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
  for name in ('._000.npz', '.npz', '.cache.npz'):
    (tmp_path / 'train' / name).write_bytes(b'of macOS')
  assert len(own_data.open_folder(tmp_path).splits['train']) == 3


@pytest.mark.parametrize('given', [str, pathlib.Path])
def test_scenes_have_the_positions_of_a_list(tmp_path, given):
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(1)})
  source = own_data.open_folder(given(tmp_path)).splits['train']
  assert source[-1]['index'] == source[2]['index'] == source[np.int64(2)]['index'] == 2
  assert [int(scene['index']) for scene in source[1:]] == [1, 2]
  with pytest.raises(IndexError):
    source[3]


def _identity(folder) -> dict:
  identity = own_data.open_folder(folder).identity
  assert json.loads(json.dumps(identity)) == identity
  assert not any(str(folder) in str(value) for value in identity.values())
  return dict(identity)


def test_data_are_what_they_hold_wherever_they_lie(tmp_path, monkeypatch):
  splits = {'train': _arrays(3), 'val': _arrays(2)}
  _write(tmp_path / 'robot', splits)
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
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(2)})
  identity = _identity(tmp_path)
  change(tmp_path)
  assert _identity(tmp_path) != identity


@pytest.mark.parametrize('changed', ['images', 'cameras', 'haptics', 'hands'])
def test_a_file_that_is_replaced_while_the_data_are_in_use_is_refused(tmp_path, changed):
  _write(tmp_path, {'train': _arrays(3), 'val': _arrays(2)})
  scenes = own_data.open_folder(tmp_path).splits['train']
  whole = scenes[1]
  _replace(tmp_path, 'train/001.npz', changed)
  with pytest.raises(UserError, match=r'001\.npz was replaced'):
    scenes[1]
  assert whole['index'] + 1 == scenes[2]['index']


def test_arrays_in_memory_that_differ_in_a_number_are_other_data():
  splits = {'train': _arrays(3), 'val': _arrays(2)}
  identity = own_data.from_arrays(splits).identity
  splits['val']['images'][1, 2, 3, 4, 0] ^= 1
  assert own_data.from_arrays(splits).identity != identity


def _uneven(scenes: int, looks: list[int], grasps: list[int]) -> dict[str, list]:
  """Lists of arrays with so many looks and grasps, in turn; None where there are none."""
  arrays = _arrays(scenes)
  counts = {'images': looks, 'cameras': looks, 'haptics': grasps, 'hands': grasps}
  return {
    name: [array[i, : counts[name][i % 3]] if counts[name][i % 3] else None
           for i, array in enumerate([array] * scenes)]
    for name, array in arrays.items()
  }  # fmt: skip


def test_scenes_with_fewer_views_are_filled_up_and_say_so(tmp_path, capsys):
  looks, grasps = [3, 1, 0], [2, 0, 4]
  splits = {'train': _uneven(3, looks, grasps), 'val': _uneven(2, looks, grasps)}
  memory = own_data.from_arrays(splits)
  assert 'scenes have 0 to 3 images and 0 to 4 grasps' in capsys.readouterr().err
  for split, columns in splits.items():
    (tmp_path / split).mkdir()
    for i in range(len(columns['images'])):
      scene = {name: column[i] for name, column in columns.items() if column[i] is not None}
      np.savez(tmp_path / split / f'{i}.npz', **scene)
  folder = own_data.open_folder(tmp_path)
  for i, scene in enumerate(folder.splits['train']):
    jax.tree.map(np.testing.assert_array_equal, scene, memory.splits['train'][i])
    assert scene['images'].shape == (4, 16, 16, 3) and scene['haptics'].shape == (4, 6)
    assert scene['images_there'].tolist() == [v < looks[i] for v in range(4)]
    assert scene['haptics_there'].tolist() == [v < grasps[i] for v in range(4)]
    if looks[i]:
      np.testing.assert_array_equal(scene['images'][: looks[i]], splits['train']['images'][i])
    assert not scene['images'][looks[i] :].any() and not scene['hands'][grasps[i] :].any()
  felt = np.concatenate([a for a in splits['train']['haptics'] if a is not None])
  np.testing.assert_array_equal(folder.ranges['haptic'][1], felt.max(axis=0).astype(np.float32))


def test_where_nothing_is_missing_scenes_have_no_more_than_their_arrays():
  dataset = own_data.from_arrays({'train': _arrays(2), 'val': _arrays(1)})
  fields = {'images', 'cameras', 'haptics', 'hands', 'index'}
  assert dataset.splits['train'][0].keys() == fields
  fewer = {name: a if name in ('images', 'cameras') else a[:, :2] for name, a in _arrays(2).items()}
  dataset = own_data.from_arrays({'train': fewer, 'val': fewer})
  assert dataset.splits['train'][0].keys() == fields | {'haptics_there'}


@pytest.mark.parametrize('kept', [('images', 'cameras'), ('haptics', 'hands')])
def test_a_sense_that_no_scene_has_is_a_mask_alone(kept):
  splits = {
    split: {name: array for name, array in _arrays(2).items() if name in kept}
    for split in ('train', 'val')
  }
  dataset = own_data.from_arrays(splits)
  other = 'haptics' if 'images' in kept else 'images'
  scene = dataset.splits['val'][0]
  assert scene.keys() == {*kept, 'index', f'{other}_there'}
  assert not scene[f'{other}_there'].any() and len(scene[f'{other}_there']) == 4
  check_dataset(tiny_config(haptic_channels=6), dataset)


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
  splits = {'train': _arrays(2), 'val': _arrays(2)}
  change(splits)
  with pytest.raises(UserError, match=sentence) as refused:
    own_data.from_arrays(splits)
  assert '\n' not in str(refused.value)


@pytest.mark.parametrize(
  ('stored', 'said'),
  [
    (lambda a: a[..., 0], 'gray becomes RGB'),
    (lambda a: a[..., :1], 'gray becomes RGB'),
    (lambda a: a[..., :2], 'what is transparent is laid on black'),
    (lambda a: np.concatenate([a, a[..., :1]], axis=-1), 'what is transparent is laid on black'),
    (lambda a: a[..., :9, :, :], r'the centre 9 x 9 of 16 x 9 pixels is taken'),
    (lambda a: a[..., :11, :], r'the centre 11 x 11 of 11 x 16 pixels is taken'),
  ],
)
def test_other_images_become_square_rgb_and_it_is_said_once(stored, said, capsys):
  whole = _arrays(2)
  images = stored(whole['images'])
  dataset = own_data.from_arrays(dict.fromkeys(('train', 'val'), whole | {'images': images}))
  assert capsys.readouterr().err.count(said) == 1
  # Pixel by pixel, as the docs say it.
  image = dataset.splits['train'][1]['images'][2].astype(float)
  source = images[1, 2].astype(float)
  source = source[..., None] if source.ndim == 2 else source
  (height, width), side = source.shape[:2], len(image)
  assert image.shape == (side, side, 3) and side == min(height, width)
  for row, column in ((0, 0), (3, 5), (side - 1, side - 1)):
    pixel = source[row + (height - side) // 2, column + (width - side) // 2]
    if len(pixel) in (2, 4):
      pixel = np.rint(pixel[:-1] * pixel[-1] / 255)
    np.testing.assert_array_equal(image[row, column], np.broadcast_to(pixel, 3))


def test_a_sensor_is_scaled_by_its_own_range_whatever_its_unit(capsys):
  arrays = _arrays(3)
  unit = np.array([1e-9, 1e-4, 1, 1e6, 0, 0])
  constant = np.array([0, 0, 0, 0, 3.3e-6, 0])
  arrays['haptics'] = arrays['haptics'] * unit + constant
  dataset = own_data.from_arrays({'train': arrays, 'val': _arrays(1)})
  span = as_ranges(dataset.ranges)['haptic']
  scaled = np.asarray(HAPTIC.scale(np.float32(arrays['haptics']), span))
  np.testing.assert_allclose(scaled.min(axis=(0, 1))[:4], -1, atol=1e-5)
  np.testing.assert_allclose(scaled.max(axis=(0, 1))[:4], 1, atol=1e-5)
  np.testing.assert_array_equal(scaled[..., 4:], -1)
  # Of a sensor that training never saw move, other values stay finite, and of its own size.
  other = np.asarray(HAPTIC.scale(np.float32([0, 0, 0, 0, 6.6e-6, 1]), span))
  np.testing.assert_allclose(other[4:], 1, atol=1e-5)
  back = np.asarray(HAPTIC.unscale(scaled, span))
  np.testing.assert_allclose(back, arrays['haptics'], rtol=1e-4, atol=1e-12)
  assert not capsys.readouterr().err


def test_a_range_that_float32_loses_is_said(capsys):
  arrays = _arrays(3)
  arrays['haptics'][..., 2] = 101_325 + 1e-4 * arrays['haptics'][..., 2]
  own_data.from_arrays({'train': arrays, 'val': arrays})
  assert 'the sensors 2 of haptics vary by less than float32 resolves' in capsys.readouterr().err


def test_a_run_keeps_the_rule_by_which_its_sensors_were_scaled():
  shipped = load_run(pathlib.Path(__file__).parents[2] / 'experiments' / 'trained' / 'apoe-small')
  assert float(shipped.ranges['haptic'].least_span) == np.float32(0.1)
