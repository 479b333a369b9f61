"""What a dataset consists of: its configs, their splits, and which scene belongs to which split."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import tensorflow_datasets as tfds

from mese_env import SceneConfig
from mese_env.errors import UserError, did_you_mean

# Scene indices of a split start at a multiple of this, so that no scene is in two splits and the
# first scenes of a split are the same ones whatever its size.
INDEX_STRIDE = 10**9
SPLITS = ('train', 'val', 'test')


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
    num_train: scenes to train on.
    num_val: scenes to validate on, of the same objects as the training split.
    num_test: scenes to test on.
    train_objects: `objects` of SceneConfig for the training and validation splits.
    test_objects: `objects` of SceneConfig for the test split.
    seed: seed of every scene; with its index it decides the scene.
    scene: the other fields of SceneConfig; JSON gives them as a mapping.

  Raises:
    UserError: a size below one, an unknown field in `scene`, or no name where one is needed.
  """

  name: str = ''
  num_train: int = 20_000
  num_val: int = 1_000
  num_test: int = 1_000
  train_objects: str = 'all'
  test_objects: str = 'all'
  seed: int = 0
  scene: SceneConfig = SceneConfig()

  def __post_init__(self):
    if not isinstance(self.scene, SceneConfig):
      check_fields('scene', self.scene, SceneConfig)
      self.scene = SceneConfig(**self.scene)
    for field in ('num_train', 'num_val', 'num_test'):
      if getattr(self, field) < 1:
        raise UserError(f'{field} is {getattr(self, field)}: every split needs at least one scene.')
    if not self.name:
      self.name = self._name_from_sizes()

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


def fields_of_sized_name(name: str) -> dict[str, Any] | None:
  """The fields that a name such as shepard_metzler_5_1000_100_100 says; None: it says none."""
  match = re.fullmatch(r'shepard_metzler_(\d+)_(\d+)_(\d+)_(\d+)', name)
  if not match:
    return None
  parts, train, val, test = map(int, match.groups())
  return {'num_train': train, 'num_val': val, 'num_test': test, 'scene': {'num_parts': parts}}


def check_fields(what: str, given: Mapping[str, Any], known: type) -> None:
  """Raises a UserError that names the nearest field of the dataclass `known` for an unknown one."""
  fields = [field.name for field in dataclasses.fields(known)]
  for field in given:
    if field not in fields:
      raise UserError(f'{what} has no field {field!r}: {did_you_mean(field, fields)}')


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
