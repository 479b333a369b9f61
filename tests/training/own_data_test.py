"""Data of one's own: the recipe of the docs works, and the model reads what was recorded."""

import pathlib
import re

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
from tests import tiny_own
from tests.tiny_run import tiny_config
from tfds_mese import own_data
from tfds_mese.reading import open_dataset

_DOCS = pathlib.Path(__file__).parents[2] / 'docs' / 'own_data.md'


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
  splits = {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(2), 'test': tiny_own.arrays(1)}
  tiny_own.write(tmp_path / 'robot', splits)
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


def test_what_is_missing_around_the_scenes_is_named(tmp_path, monkeypatch):
  with pytest.raises(UserError, match=r'no folder .*/nowhere; --config.dataset with a slash'):
    open_dataset(f'{tmp_path}/nowhere')
  tiny_own.write(tmp_path / 'robot', {'train': tiny_own.arrays(1)})
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=r'robot/val holds no .npz file'):
    open_dataset('./robot')
  with pytest.raises(UserError, match='the folder of that name, write ./robot'):
    open_dataset('robot')
  with pytest.raises(UserError, match='leave data_dir out'):
    open_dataset('./robot', tmp_path)
  with pytest.raises(UserError, match="split 'val' is missing"):
    own_data.from_arrays({'train': tiny_own.arrays(1)})
  with pytest.raises(UserError, match="no split 'valid'; did you mean 'val'"):
    own_data.from_arrays({'train': tiny_own.arrays(1), 'valid': tiny_own.arrays(1)})
  uneven = tiny_own.arrays(2) | {'hands': tiny_own.arrays(3)['hands']}
  with pytest.raises(UserError, match='hold 2 images, .* 3 hands scenes'):
    own_data.from_arrays({'train': uneven, 'val': tiny_own.arrays(1)})
  with pytest.raises(UserError, match="'m8' halves the simulated hand's 132; use m2 or m5"):
    tiny_config(modalities='m8', haptic_channels=24)


def test_hidden_files_are_no_scenes(tmp_path):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  for name in ('._000.npz', '.npz', '.cache.npz'):
    (tmp_path / 'train' / name).write_bytes(b'of macOS')
  assert len(own_data.open_folder(tmp_path).splits['train']) == 3


@pytest.mark.parametrize('given', [str, pathlib.Path])
def test_scenes_have_the_positions_of_a_list(tmp_path, given):
  tiny_own.write(tmp_path, {'train': tiny_own.arrays(3), 'val': tiny_own.arrays(1)})
  source = own_data.open_folder(given(tmp_path)).splits['train']
  assert source[-1]['index'] == source[2]['index'] == source[np.int64(2)]['index'] == 2
  assert [int(scene['index']) for scene in source[1:]] == [1, 2]
  with pytest.raises(IndexError):
    source[3]


def _uneven(scenes: int, looks: list[int], grasps: list[int]) -> dict[str, list]:
  """Lists of arrays with so many looks and grasps, in turn; None where there are none."""
  arrays = tiny_own.arrays(scenes)
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
  dataset = own_data.from_arrays({'train': tiny_own.arrays(2), 'val': tiny_own.arrays(1)})
  fields = {'images', 'cameras', 'haptics', 'hands', 'index'}
  assert dataset.splits['train'][0].keys() == fields
  fewer = {
    name: a if name in ('images', 'cameras') else a[:, :2] for name, a in tiny_own.arrays(2).items()
  }
  dataset = own_data.from_arrays({'train': fewer, 'val': fewer})
  assert dataset.splits['train'][0].keys() == fields | {'haptics_there'}


@pytest.mark.parametrize('kept', [('images', 'cameras'), ('haptics', 'hands')])
def test_a_sense_that_no_scene_has_is_a_mask_alone(kept):
  splits = {
    split: {name: array for name, array in tiny_own.arrays(2).items() if name in kept}
    for split in ('train', 'val')
  }
  dataset = own_data.from_arrays(splits)
  other = 'haptics' if 'images' in kept else 'images'
  scene = dataset.splits['val'][0]
  assert scene.keys() == {*kept, 'index', f'{other}_there'}
  assert not scene[f'{other}_there'].any() and len(scene[f'{other}_there']) == 4
  check_dataset(tiny_config(haptic_channels=6), dataset)


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
  whole = tiny_own.arrays(2)
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
  arrays = tiny_own.arrays(3)
  unit = np.array([1e-9, 1e-4, 1, 1e6, 0, 0])
  constant = np.array([0, 0, 0, 0, 3.3e-6, 0])
  arrays['haptics'] = arrays['haptics'] * unit + constant
  dataset = own_data.from_arrays({'train': arrays, 'val': tiny_own.arrays(1)})
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
  arrays = tiny_own.arrays(3)
  arrays['haptics'][..., 2] = 101_325 + 1e-4 * arrays['haptics'][..., 2]
  own_data.from_arrays({'train': arrays, 'val': arrays})
  assert 'the sensors 2 of haptics vary by less than float32 resolves' in capsys.readouterr().err


def test_a_run_keeps_the_rule_by_which_its_sensors_were_scaled():
  shipped = load_run(pathlib.Path(__file__).parents[2] / 'experiments' / 'trained' / 'apoe-small')
  assert float(shipped.ranges['haptic'].least_span) == np.float32(0.1)
