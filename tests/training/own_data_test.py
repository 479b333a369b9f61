"""Data of one's own: the recipe of the docs works, and what is wrong is named by file and array."""

import pathlib
import re

import jax
import numpy as np
import pytest

from gmn_jax.config import make_model
from gmn_jax.senses import cut_scenes
from gmn_jax.senses.sense import as_ranges
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
    ('images', lambda a: a[..., :1], r'images is \(4, 16, 16, 1\); it must be \(views, size'),
    ('images', lambda a: a[:, :, :12], r'images is \(4, 16, 12, 3\); it must be'),
    ('images', lambda a: a[:, ::4, ::4], r'images is \(4, 4, 4, 3\); .* at least 8'),
    ('images', lambda a: a[:, ::2, ::2], r'\(4, 8, 8, 3\), and \(4, 16, 16, 3\) in the first'),
    ('images', lambda a: a[:3], r'images is \(3, 16, 16, 3\), and \(4, 16'),
    ('cameras', lambda a: a[:, :3], r'cameras is \(4, 3\); it must be \(views, 5\)'),
    ('cameras', np.rad2deg, r'cameras .* one of its radians is .* convert it'),
    ('hands', lambda a: 1000 * a[:, [0, 1, 2, 3, 3]] * [1, 1, 1, 0, 0], r'one of its metres is'),
    ('hands', _nan, r'hands\[2, 1\] is nan; every number must be finite'),
    ('haptics', lambda a: a[:, :5], r'haptics is \(4, 5\), and \(4, 6\) in the first training'),
    ('haptics', lambda a: a.astype(str), r'haptics is <U\d+; it must be real numbers'),
    ('haptics', lambda a: a.astype(object), r'haptics is object; it must be real numbers'),
    ('haptics', lambda a: 1e300 + a, r'haptics\[0, 0\] is 1e\+300; .* in float32'),
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
