"""What a dataset consists of: its configs, their splits, and which scene belongs to which split."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import tensorflow_datasets as tfds

from mese_env import SceneConfig, fields
from mese_env.errors import UserError
from mese_env.scene import OBJECTS, SEEDS

# Scene indices of a split start at a multiple of this, so that no scene is in two splits and the
# first scenes of a split are the same ones whatever its size.
INDEX_STRIDE = 10**9
SPLITS = ('train', 'val', 'test')

_ALLOWED = {
  'num_train': range(1, INDEX_STRIDE + 1),
  'num_val': range(1, INDEX_STRIDE + 1),
  'num_test': range(1, INDEX_STRIDE + 1),
  'train_objects': OBJECTS,
  'test_objects': OBJECTS,
  'seed': SEEDS,
}
# A name is a folder's, and part of commands.
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]{0,99}')
_SIZED_NAME = re.compile('shepard_metzler' + 4 * '_([1-9][0-9]{0,9})')


@dataclasses.dataclass(frozen=True)
class Split:
  """A run of scenes: those with indices first_index .. first_index + num_scenes - 1."""

  scene: SceneConfig
  seed: int
  first_index: int
  num_scenes: int


@dataclasses.dataclass(eq=False, kw_only=True)
class MeseConfig(tfds.core.BuilderConfig):
  """A dataset: how many scenes of which objects.

  `tfds build --config='{"num_train": 1000000, ...}'` makes one from these fields.

  Attributes:
    name: folder of the dataset; made of the sizes where they are all that differs.
    description: a sentence on the dataset, for its card.
    num_train: scenes to train on.
    num_val: scenes to validate on, of the same objects as the training split.
    num_test: scenes to test on.
    train_objects: `objects` of SceneConfig for the training and validation splits.
    test_objects: `objects` of SceneConfig for the test split.
    seed: seed of every scene; with its index it decides the scene.
    scene: the other fields of SceneConfig; JSON gives them as a mapping.

  Raises:
    UserError: a field is of another type or out of its range, a field of `scene` is unknown, or the
      name is missing or cannot be a folder's.
  """

  name: str = ''
  description: str | None = None
  num_train: int = 20_000
  num_val: int = 1_000
  num_test: int = 1_000
  train_objects: str = 'all'
  test_objects: str = 'all'
  seed: int = 0
  scene: SceneConfig = SceneConfig()

  def __post_init__(self):
    for field, value in fields.checked(self, _ALLOWED).items():
      setattr(self, field, value)
    if not (self.description is None or isinstance(self.description, str)):
      raise UserError(f'description is {fields.shown(self.description)}; give a text.')
    if not isinstance(self.scene, SceneConfig):
      self.scene = _scene_of(self.scene)
    if self.scene.objects != SceneConfig().objects:
      raise UserError('the objects of a scene are train_objects and test_objects of its dataset.')
    if self.name == '':
      self.name = self._name_from_sizes()
    check_name(self.name)

  @property
  def splits(self) -> dict[str, Split]:
    """The splits by name, in the order in which they are built."""
    sizes = (self.num_train, self.num_val, self.num_test)
    objects = (self.train_objects, self.train_objects, self.test_objects)
    return {
      name: Split(
        dataclasses.replace(self.scene, objects=objects[i]),
        self.seed,
        i * INDEX_STRIDE,
        sizes[i],
      )
      for i, name in enumerate(SPLITS)
    }

  def _name_from_sizes(self) -> str:
    parts = self.scene.num_parts
    named_by = (self.train_objects, self.test_objects, self.seed, self.scene)
    if named_by != ('all', 'all', 0, SceneConfig(num_parts=parts)):
      raise UserError('a config that changes more than sizes and num_parts must be given a "name".')
    return f'shepard_metzler_{parts}_{self.num_train}_{self.num_val}_{self.num_test}'


def from_fields(given: Mapping[str, Any]) -> MeseConfig:
  """The config of fields that JSON gives.

  Raises:
    UserError: as MeseConfig; or a field is unknown.
  """
  fields.check_names('the config', given, MeseConfig.__annotations__)
  if given.get('name', 'absent') == '':
    raise UserError('"name" is empty; give the dataset a name, or leave the field out.')
  return MeseConfig(**given)


def stock_config(name: str) -> MeseConfig | None:
  """The config that a name stands for: a listed one, or one named by its sizes.

  Raises:
    UserError: the sizes are out of their range.
  """
  for config in CONFIGS:
    if config.name == name:
      return config
  sized = fields_of_sized_name(name)
  return None if sized is None else MeseConfig(**sized)


def of_first_scenes(name: str, sizes: Mapping[str, int]) -> str | None:
  """The name of the config that has only the first scenes of a listed one's splits.

  Args:
    name: of the listed config.
    sizes: how many scenes of which split are enough; of the others one.

  Returns:
    The name, by its sizes; None where the config is not listed, or sizes do not say all of it.
  """
  config = next((listed for listed in CONFIGS if listed.name == name), None)
  if config is None:
    return None
  few = {
    f'num_{split}': min(whole.num_scenes, sizes.get(split, 1))
    for split, whole in config.splits.items()
  }
  try:
    return dataclasses.replace(config, name='', **few).name
  except UserError:
    return None


def fields_of_sized_name(name: str) -> dict[str, Any] | None:
  """The fields that a name such as shepard_metzler_5_1000_100_100 says; None: it says none."""
  match = _SIZED_NAME.fullmatch(name)
  if not match:
    return None
  parts, train, val, test = map(int, match.groups())
  return {'num_train': train, 'num_val': val, 'num_test': test, 'scene': {'num_parts': parts}}


def check_name(name: object) -> None:
  """Raises a UserError where a name cannot be that of a dataset, and so of a folder."""
  if not isinstance(name, str) or not _NAME.fullmatch(name):
    raise UserError(
      f'{fields.shown(name)} cannot be the name of a dataset; use up to a hundred letters, digits, '
      '"_", "-" and ".", a letter or a digit first.'
    )


def check_limit(limit: int | None) -> None:
  """Raises a UserError where a build is limited to no scene at all."""
  if limit is not None and limit < 1:
    raise UserError(f'--max_examples_per_split is {limit}; give at least 1.')


def refuse_taken_name(config: MeseConfig) -> None:
  """Raises a UserError where a config has the name of one with other settings."""
  stock = stock_config(config.name)
  if stock and (wrong := differences(settings_of(config), settings_of(stock))):
    raise UserError(
      f'{config.name!r} is the name of a dataset of other settings ({wrong[0]}): give the config '
      'another "name".'
    )


def settings_of(config: MeseConfig) -> dict[str, Any]:
  """As `settings`, of the splits of a config."""
  return settings({name: dataclasses.asdict(split) for name, split in config.splits.items()})


def settings(splits: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
  """Flattens what decides the scenes of splits, each a mapping of the fields of `Split`.

  What a field of the scene config was before there was such a field is its default.
  """
  defaults = dataclasses.asdict(SceneConfig())
  return {
    f'{field} of {name}': value
    for name, split in splits.items()
    for field, value in (defaults | split['scene'] | dict(split)).items()
    if field != 'scene'
  }


def differences(given: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
  """Says which settings are not those expected."""
  return [
    f'{what} is {given.get(what)!r} and not {wanted!r}'
    for what, wanted in expected.items()
    if given.get(what) != wanted
  ]


CONFIGS = (
  MeseConfig(
    name='shepard_metzler_5_tiny',
    description='Five parts, for a laptop; the test split shows cell sets never trained on.',
    num_train=1_800,
    num_val=100,
    num_test=100,
    train_objects='seen',
    test_objects='held_out',
  ),
  MeseConfig(
    name='shepard_metzler_5',
    description='Five parts, the objects of all three splits drawn alike.',
  ),
  MeseConfig(
    name='shepard_metzler_4',
    description='Four parts, for tests on objects never trained on.',
    num_train=500,
    num_val=500,
    num_test=500,
    scene=SceneConfig(num_parts=4),
  ),
  MeseConfig(
    name='shepard_metzler_6',
    description='Six parts, for tests on objects never trained on.',
    num_train=500,
    num_val=500,
    num_test=500,
    scene=SceneConfig(num_parts=6),
  ),
)


def _scene_of(given: object) -> SceneConfig:
  if not isinstance(given, Mapping):
    raise UserError(
      f'scene is {fields.shown(given)}; give fields of SceneConfig, as in {{"num_parts": 4}}.'
    )
  fields.check_names('scene', given, [field.name for field in dataclasses.fields(SceneConfig)])
  return SceneConfig(**given)
