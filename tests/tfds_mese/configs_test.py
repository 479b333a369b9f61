"""What a config may say: types and bounds of every field, and names that mean one dataset."""

import dataclasses
import json

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env import SceneConfig
from mese_env.errors import UserError
from tfds_mese import configs
from tfds_mese.configs import CONFIGS, MeseConfig
from tfds_mese.tfds_mese_dataset_builder import Builder

NUMBERS = ('num_train', 'num_val', 'num_test', 'seed')
SIZES = ('num_parts', 'image_size', 'num_looks', 'num_grasps')
CHOICES = ('objects', 'renderer', 'hand', 'object_type')
NO_NUMBER = ['5', 1.5, 5.0, float('nan'), None, True, [5], {}, -1, 2**63, 10**400]
NO_CHOICE = [5, None, True, '', 'all ', ['all'], {}]


def _refusal(make):
  with pytest.raises(UserError) as error:
    make()
  assert '\n' not in str(error.value) and len(str(error.value)) < 300
  return str(error.value)


def _command_refusal(config, tmp_path, *flags):
  """The sentence; nothing is written before it."""
  where = f'--data_dir={tmp_path / "data"}'
  sentence = _refusal(lambda: command.main([f'--config={config}', where, *flags]))
  assert not list(tmp_path.iterdir())
  return sentence


@pytest.mark.parametrize('value', NO_NUMBER)
@pytest.mark.parametrize('field', NUMBERS)
def test_a_number_of_a_dataset_is_whole_and_within_its_bounds(field, value):
  assert _refusal(lambda: MeseConfig(name='own', **{field: value})).startswith(f'{field} is ')


@pytest.mark.parametrize('value', NO_NUMBER)
@pytest.mark.parametrize('field', SIZES)
def test_a_number_of_a_scene_is_whole_and_within_its_bounds(field, value):
  assert _refusal(lambda: SceneConfig(**{field: value})).startswith(f'{field} is ')
  assert _refusal(lambda: MeseConfig(name='own', scene={field: value})).startswith(f'{field} is ')


@pytest.mark.parametrize('value', NO_CHOICE)
@pytest.mark.parametrize('field', CHOICES)
def test_a_choice_is_one_of_the_names(field, value):
  assert _refusal(lambda: SceneConfig(**{field: value})).startswith(f'{field} is ')


@pytest.mark.parametrize('value', NO_CHOICE)
@pytest.mark.parametrize('field', ['train_objects', 'test_objects'])
def test_the_objects_of_a_split_are_one_of_the_names(field, value):
  assert _refusal(lambda: MeseConfig(name='own', **{field: value})).startswith(f'{field} is ')


def test_every_field_is_checked():
  checked = {field.name for field in dataclasses.fields(SceneConfig)}
  assert checked == {*SIZES, *CHOICES}
  checked = {*NUMBERS, 'train_objects', 'test_objects', 'name', 'description', 'scene'}
  assert MeseConfig.__annotations__.keys() == checked


@pytest.mark.parametrize('name', [5, None, '.', '..', '../x', 'a/b', 'a b', ' ', '-x', 'a' * 101,
                                  'a\n', 'ä', '~', '{x}', '/tmp/x', 'a\\b'])  # fmt: skip
def test_a_name_is_one_that_a_folder_can_have(name):
  assert 'cannot be the name of a dataset' in _refusal(lambda: MeseConfig(name=name, seed=3))


@pytest.mark.parametrize('scene', [5, 'mesh', None, [], [1], True])
def test_a_scene_is_a_mapping_of_fields(scene):
  assert 'give fields of SceneConfig' in _refusal(lambda: MeseConfig(name='own', scene=scene))


@pytest.mark.parametrize(
  ('config', 'sentence'),
  [
    ('{"num_train": "5"}', "num_train is '5'; give a whole number from 1 to 1,000,000,000."),
    ('{"num_train": 1.5}', 'num_train is 1.5'),
    ('{"name": "own", "seed": -1}', 'seed is -1'),
    ('{"name": "own", "scene": 5}', 'scene is 5; give fields'),
    ('{"name": "own", "description": 5}', 'description is 5'),
    ('{"name": ""}', '"name" is empty'),
    ('{"name": "own", "scene": {"objects": "seen"}}', 'are train_objects and test_objects'),
    ('{"version": "2.0.0"}', "no field 'version'"),
    ('{"train_objekts": "seen"}', "did you mean 'train_objects'?"),
    ('{"a": ' * 100_000, 'is not JSON'),
    ('{"num_train": 1' + 5000 * '0' + '}', 'is not JSON'),
    ('{"name": "shepard_metzler_5_tiny", "seed": 7}', 'is the name of a dataset of other settings'),
    ('{"name": "shepard_metzler_4"}', 'num_parts of train is 5 and not 4'),
    ('{"name": "shepard_metzler_5_9_1_1", "num_train": 8}', 'is the name of a dataset of other'),
    ('{"name": "shepard_metzler_5_9_1_1", "seed": 7}', 'is the name of a dataset of other'),
    ('shepard_metzler_8_9_1_1', 'num_parts is 8'),
    ('shepard_metzler_5_9_1_9999999999', 'num_test is 9999999999'),
    ('shepard_metzler_5_09_1_1', 'there is no config'),
    ('', 'there is no config'),
    ('..', 'there is no config'),
  ],
)
def test_a_bad_config_on_the_command_line_is_one_sentence(config, sentence, tmp_path):
  assert sentence in _command_refusal(config, tmp_path)


@pytest.mark.parametrize('limit', [0, -3])
@pytest.mark.parametrize('config', ['shepard_metzler_5_tiny', '{"num_train": 5}'])
def test_a_build_of_no_scene_is_refused(config, limit, tmp_path):
  flags = [f'--max_examples_per_split={limit}', '--overwrite']
  assert f'is {limit}; give at least 1' in _command_refusal(config, tmp_path, *flags)


def test_numbers_of_numpy_are_numbers():
  scene = SceneConfig(num_parts=np.int64(4), num_looks=np.uint8(3), objects=np.str_('seen'))
  assert scene == SceneConfig(num_parts=4, num_looks=3, objects='seen')
  config = MeseConfig(num_train=np.int32(7), name='own', seed=np.int64(3), scene={'num_looks': 2})
  json.dumps([dataclasses.asdict(split) for split in config.splits.values()])
  assert config.num_train == 7 and config.seed == 3


@pytest.mark.parametrize('listed', [config.name for config in CONFIGS])
def test_a_listed_config_written_out_is_that_config(listed, tmp_path):
  (config,) = (config for config in CONFIGS if config.name == listed)
  given = {field: getattr(config, field) for field in MeseConfig.__annotations__}
  builder = Builder(config=MeseConfig(**given), data_dir=tmp_path)
  assert builder.builder_config is config
  with pytest.raises(UserError, match=f"'{listed}' is the name of a dataset of other settings"):
    Builder(config=MeseConfig(**(given | {'num_val': 7})), data_dir=tmp_path)


def test_a_sized_name_is_that_of_its_sizes(tmp_path):
  name = 'shepard_metzler_4_9_2_1'
  sizes = {'num_train': 9, 'num_val': 2, 'num_test': 1}
  config = MeseConfig(name=name, scene={'num_parts': 4}, **sizes)
  assert configs.settings_of(config) == configs.settings_of(configs.stock_config(name))
  Builder(config=config, data_dir=tmp_path)
  with pytest.raises(UserError, match='num_parts of train is 5 and not 4'):
    Builder(config=MeseConfig(name=name, **sizes), data_dir=tmp_path)
