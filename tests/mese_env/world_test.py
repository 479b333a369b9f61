"""The parts of a scene, composed by hand: what was stored, again, and what was never drawn."""

import mujoco
import numpy as np
import pytest

from mese_env import SceneConfig, World, generate_scene, given_object, grasp, poses, sample_object
from mese_env.errors import UserError
from mese_env.objects import UNLABELLED

PARTS = (4, 5, 6, 7)


@pytest.mark.parametrize('num_parts', PARTS)
def test_a_stored_scene_is_looked_at_and_grasped_again(num_parts):
  scene = generate_scene(SceneConfig(num_parts, image_size=32, num_looks=4, num_grasps=6), 1, 8)
  thing = given_object(scene['positions'], scene['colours'])
  assert thing.ids == (scene['walk_id'], scene['cells_id'], scene['shape_id'])
  world = World(thing, image_size=32)
  for image, query in zip(scene['images'], scene['cameras'], strict=True):
    again = world.look(poses.camera_of_query(query)).astype(int)
    # What float32 rounds moves a silhouette by a sample here and there.
    assert np.mean(again != image) < 0.005
  felt = [world.grasp(poses.wrist_of_query(query)) for query in scene['hands']]
  assert not any(touch.rejected for touch in felt)
  off = np.abs([touch.reading for touch in felt] - scene['haptics'])
  assert np.median(off.max(axis=1)) < 0.05 and felt[0].reading.dtype == np.float32


@pytest.mark.parametrize('kind', ['camera', 'wrist'])
def test_a_query_tells_the_pose_that_it_is_of_and_no_other_kind_s(kind):
  place, of_query = getattr(poses, f'{kind}_pose'), getattr(poses, f'{kind}_of_query')
  rng = np.random.default_rng(0)
  for _ in range(200):
    pose = place(*poses.sample_angles(rng))
    found = of_query(poses.query(pose))
    for given, recovered in zip(pose, found, strict=True):
      np.testing.assert_allclose(recovered, given, atol=1e-6)
  other = {'camera': poses.wrist_pose, 'wrist': poses.camera_pose}[kind](0.3, 1.0)
  with pytest.raises(UserError, match=f'is not of a {kind}'):
    of_query(poses.query(other))
  with pytest.raises(UserError, match='five finite numbers'):
    of_query(np.array([0, 0, 0, np.nan, 0]))


def test_a_grasp_is_place_advance_and_read():
  world, wrist = World(sample_object(5, np.random.default_rng(3))), poses.wrist_pose(0.4, 2.0)
  closed = grasp.close_hand(world.model, world.data, wrist)
  grasp.place(world.model, world.data, wrist)
  for _ in range(grasp.CONTROL_STEPS):
    command = grasp.closing_command(world.model, world.data.ctrl)
    grasp.advance(world.model, world.data, command)
  np.testing.assert_array_equal(grasp.read(world.data), closed)


def test_other_policies_than_the_fixed_one_are_made_of_the_same_parts():
  world = World(sample_object(5, np.random.default_rng(3)))
  wrist = poses.wrist_pose(0.4, 2.0)
  closed = grasp.close_hand(world.model, world.data, wrist)
  for rate in (0.0, grasp.CLOSING_RATE):
    grasp.place(world.model, world.data, wrist)
    highest = world.model.actuator_ctrlrange[:, 1]
    for step in range(grasp.CONTROL_STEPS):
      share = 1 - (1 - rate) ** (step + 1)
      grasp.advance(world.model, world.data, share * highest)
    same = np.allclose(grasp.read(world.data), closed, atol=1e-6)
    assert same == (rate > 0)


def test_objects_of_ones_own_are_looked_at_and_grasped():
  bar = np.array([(-0.05, 0, 0), (0.01, 0.02, 0.03)])
  thing = given_object(bar, np.ones((2, 3)))
  assert thing.ids == UNLABELLED
  world = World(thing)
  assert world.look(poses.camera_pose(0.1, 0.5)).any()
  assert np.isfinite(world.grasp(poses.wrist_pose(0.1, 0.5)).reading).all()


def test_any_camera_with_the_object_before_it_may_look():
  world = World(sample_object(5, np.random.default_rng(0)))
  camera = poses.camera_pose(0.3, 1.0)
  near = camera._replace(position=camera.position * 0.6)
  assert world.look(near).any(axis=-1).sum() > 2 * world.look(camera).any(axis=-1).sum()
  turned = camera._replace(frame=camera.frame * [-1, -1, 1])
  for wrong in (turned, camera._replace(position=np.zeros(3))):
    with pytest.raises(UserError, match='has not the whole object before it'):
      world.look(wrong)


@pytest.mark.parametrize(
  ('field', 'value', 'sentence'),
  [
    ('position', np.array([np.nan, 0, 1]), '3 finite numbers'),
    ('position', np.zeros(2), '3 finite numbers'),
    ('frame', np.eye(3) * 2, 'is no rotation'),
    ('frame', np.diag([1, 1, -1]), 'is no rotation'),
    ('frame', np.eye(2), 'is no rotation'),
    ('frame', np.full((3, 3), np.inf), 'is no rotation'),
  ],
)
@pytest.mark.parametrize('part', ['look', 'grasp', 'picture'])
def test_what_is_no_pose_is_refused(part, field, value, sentence):
  world = World(sample_object(4, np.random.default_rng(0)))
  arguments = (32,) if part == 'picture' else ()
  with pytest.raises(UserError, match=sentence):
    getattr(world, part)(poses.camera_pose(0, 0)._replace(**{field: value}), *arguments)


@pytest.mark.parametrize('wrong', [None, 3, (0.1, 0.2), poses.query(poses.camera_pose(0, 0))])
@pytest.mark.parametrize('part', ['look', 'grasp', 'picture'])
def test_what_is_not_even_like_a_pose_is_refused_with_what_makes_one(part, wrong):
  world = World(sample_object(4, np.random.default_rng(0)))
  arguments = (32,) if part == 'picture' else ()
  with pytest.raises(UserError, match='a pose is not .*poses.camera_of_query'):
    getattr(world, part)(wrong, *arguments)


@pytest.mark.parametrize(
  ('positions', 'colours', 'sentence'),
  [
    ('cube', np.ones((1, 3)), "positions and colours are 'cube' and"),
    (np.zeros((1, 3)), [[0, 1], [0]], r'give \(num_parts, 3\) numbers each'),
    (np.zeros(3), np.zeros(3), r'of shape \(3,\)'),
    (np.zeros((0, 3)), np.zeros((0, 3)), r'of shape \(0, 3\)'),
    (np.zeros((1, 3)), np.zeros((2, 3)), 'colours are of shape'),
    (np.zeros((1, 3)), np.full((1, 3), 255), 'divide bytes by 255'),
    (np.zeros((1, 3)), np.full((1, 3), np.nan), 'between 0 and 1'),
    (np.full((1, 3), np.nan), np.ones((1, 3)), 'not within 0.2 m'),
    (np.array([(0, 0, 0), (0.03, 0.03, 0)]), np.ones((2, 3)), 'overlap'),
  ],
)
def test_what_is_no_object_is_refused(positions, colours, sentence):
  with pytest.raises(UserError, match=sentence):
    given_object(positions, colours)


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    ({'num_parts': 3}, 'num_parts is 3; use one of 4, 5, 6, 7'),
    ({'objects': 'sen'}, "did you mean 'seen'"),
    ({'object_type': 'shepard'}, "did you mean 'shepard_metzler'"),
  ],
)
def test_what_cannot_be_drawn_is_refused(arguments, sentence):
  with pytest.raises(UserError, match=sentence):
    sample_object(**{'num_parts': 5, 'rng': np.random.default_rng(0)} | arguments)


def test_an_unknown_hand_is_named_with_the_near_one():
  thing = sample_object(4, np.random.default_rng(0))
  with pytest.raises(UserError, match="hand is 'meshs'; did you mean 'mesh'"):
    World(thing, 'meshs')


@pytest.mark.parametrize('size', [0, 4097, 8.5, '8'])
def test_a_size_that_no_image_has_is_refused(size):
  thing = sample_object(4, np.random.default_rng(0))
  with pytest.raises(UserError, match='size is .*; give a whole number from 1 to 4,096'):
    World(thing, image_size=size)
  with pytest.raises(UserError, match='size is .*; give a whole number from 1 to 4,096'):
    World(thing).picture(poses.camera_pose(0, 0), size)


def test_a_picture_changes_nothing_of_the_physics():
  thing, wrist = sample_object(5, np.random.default_rng(2)), poses.wrist_pose(-0.3, 4.0)
  readings = []
  for draws in (False, True):
    world = World(thing)
    grasp.place(world.model, world.data, wrist)
    for _ in range(grasp.CONTROL_STEPS):
      command = grasp.closing_command(world.model, world.data.ctrl)
      grasp.advance(world.model, world.data, command)
      if draws:
        world.picture(poses.camera_pose(-0.5, 1.0), 16)
    readings.append(grasp.read(world.data))
  np.testing.assert_array_equal(*readings)


def test_pads_that_feel_glow():
  world = World(sample_object(5, np.random.default_rng(4)))
  world.grasp(poses.wrist_pose(0.4, 2.0))
  camera = poses.camera_pose(-0.5, 4.0)
  glowing = world.picture(camera, 128).astype(int)
  world.data.sensordata[:] = 0
  dark = world.picture(camera, 128)
  changed = np.any(glowing != dark, axis=-1)
  assert 0 < changed.sum() < 0.02 * changed.size
  # Redder than skin: less green and blue.
  assert np.all(glowing[changed][:, 1:].sum(axis=1) < dark[changed][:, 1:].sum(axis=1))


def test_a_world_that_is_only_looked_at_builds_no_hand(monkeypatch):
  monkeypatch.setattr(mujoco, 'MjSpec', None)
  thing = sample_object(4, np.random.default_rng(5))
  assert World(thing, 'fidelity').look(poses.camera_pose(0, 0)).any()


def test_what_is_no_object_has_no_world():
  with pytest.raises(UserError, match='a thing is not None; .* mese_env.given_object'):
    World(None)
