"""A type of object of one's own: straight towers, declared here alone and looked at and grasped."""

import numpy as np
import pytest

from mese_env import SceneConfig, generate_scene
from mese_env.errors import UserError
from mese_env.objects import OBJECT_TYPES, Object, ObjectType
from mese_env.shapes import PITCH, ShapeIds, sample_colours


def sample_tower(num_parts, which, shape_rng, colour_rng):
  """Cubes along one of three axes."""
  axis = int(shape_rng.integers(3))
  positions = np.zeros((num_parts, 3))
  positions[:, axis] = PITCH * (np.arange(num_parts) - (num_parts - 1) / 2)
  return Object(positions, sample_colours(num_parts, colour_rng), ShapeIds(axis, axis, 0))


@pytest.fixture
def towers(monkeypatch):
  monkeypatch.setitem(OBJECT_TYPES, 'tower', ObjectType('tower', (2, 3), sample_tower))
  return SceneConfig(object_type='tower', num_parts=3, image_size=16, num_looks=2, num_grasps=1)


def test_a_type_of_ones_own_is_looked_at_and_grasped(towers):
  scenes = [generate_scene(towers, 0, index) for index in range(6)]
  assert len({int(scene['walk_id']) for scene in scenes}) > 1
  for scene in scenes:
    along = scene['positions'][:, int(scene['walk_id'])]
    np.testing.assert_allclose(np.sort(along), [-PITCH, 0, PITCH], atol=1e-7)
    assert scene['images'].any() and np.isfinite(scene['haptics']).all()


def test_what_a_type_does_not_have_is_refused(towers):
  with pytest.raises(UserError, match='num_parts is 5; use one of 2, 3'):
    SceneConfig(object_type='tower', num_parts=5)
  with pytest.raises(UserError, match="object_type is 'towr'; did you mean 'tower'"):
    SceneConfig(object_type='towr')
