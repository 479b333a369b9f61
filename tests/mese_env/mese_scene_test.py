"""Scenes are pure functions of (config, seed, index), with checked arguments."""

import dataclasses
import functools
import hashlib
import subprocess
import sys

import numpy as np
import pytest

import mese_env
from mese_env import SceneConfig, generate_scene, shapes
from mese_env.errors import UserError

CONFIG = SceneConfig(num_parts=4, image_size=32, num_looks=3, num_grasps=4)

DIGEST = """
import hashlib, sys
from mese_env import SceneConfig, generate_scene
config = SceneConfig(num_parts=4, image_size=32, num_looks=3, num_grasps=4)
scene = generate_scene(config, 7, 3)
print(hashlib.sha256(b''.join(v.tobytes() for _, v in sorted(scene.items()))).hexdigest())
"""


def test_a_scene_has_the_documented_arrays():
  scene = generate_scene(SceneConfig(), 0, 0)
  expected = {
    'images': (np.uint8, (15, 64, 64, 3)),
    'cameras': (np.float32, (15, 5)),
    'haptics': (np.float32, (15, 132)),
    'hands': (np.float32, (15, 5)),
    'positions': (np.float32, (5, 3)),
    'colours': (np.float32, (5, 3)),
  } | {
    name: (np.int64, ())
    for name in ('walk_id', 'cells_id', 'shape_id', 'num_parts', 'seed', 'index')
  }
  assert {name: (value.dtype, value.shape) for name, value in scene.items()} == expected
  cells = np.round(scene['positions'] / shapes.PITCH - scene['positions'][0] / shapes.PITCH)
  ids = shapes.shape_ids(cells.astype(int))
  assert (scene['walk_id'], scene['cells_id'], scene['shape_id']) == ids
  # Every look shows the object: about a tenth of the picture.
  covered = scene['images'].any(axis=-1).mean(axis=(1, 2))
  assert covered.min() > 0.02 and covered.max() < 0.2


def test_same_arguments_give_the_same_bytes_in_any_order_and_process():
  again = [generate_scene(CONFIG, 7, index) for index in (3, 1, 3)]
  for name, value in again[0].items():
    assert value.tobytes() == again[2][name].tobytes(), name
  elsewhere = subprocess.run(
    [sys.executable, '-c', DIGEST], capture_output=True, text=True, check=True
  )
  assert elsewhere.stdout.strip() == _digest(again[0])


def test_another_seed_or_index_gives_unrelated_poses_and_colours():
  scenes = [generate_scene(CONFIG, seed, index) for seed, index in ((7, 3), (3, 7), (7, 4))]
  for name in ('cameras', 'hands', 'colours'):
    # Each colour has a channel at exactly one.
    first, *others = (scene[name][scene[name] != 1] for scene in scenes)
    assert not any(np.intersect1d(first, other).size for other in others), name
  assert not np.intersect1d(scenes[0]['cameras'], scenes[0]['hands']).size


@pytest.mark.parametrize('objects', ['seen', 'held_out'])
def test_held_out_cell_sets_are_kept_apart(objects):
  config = dataclasses.replace(CONFIG, num_looks=1, num_grasps=1, objects=objects)
  held_out = shapes.held_out_cells_ids(4)
  for index in range(20):
    is_held_out = int(generate_scene(config, 0, index)['cells_id']) in held_out
    assert is_held_out == (objects == 'held_out')


@pytest.mark.parametrize(
  ('field', 'value', 'sentence'),
  [
    ('image_size', 30, 'image_size is 30, which does not divide by four'),
    ('image_size', 0, 'image_size is 0'),
    ('num_parts', 8, 'num_parts is 8; use one of 4, 5, 6, 7'),
    ('num_parts', 5.0, 'num_parts is 5.0; use one of 4, 5, 6, 7'),
    ('objects', 'new', 'use one of all, seen, held_out'),
    ('renderer', 'vulkan', 'use one of raycast, mujoco'),
    ('hand', 'meshes', "hand is 'meshes'; did you mean 'mesh'"),
    ('hand', None, 'hand is None; use one of primitive, mesh, fidelity'),
    ('num_looks', 2.5, 'num_looks is 2.5'),
    ('num_grasps', -1, 'num_grasps is -1; give a whole number from 0 to 1,000'),
  ],
)
def test_a_field_out_of_its_range_is_named_with_the_remedy(field, value, sentence):
  with pytest.raises(UserError, match=sentence):
    SceneConfig(**{field: value})


@pytest.mark.parametrize('number', [-1, 2**63, 1.5, '1', None, True])
@pytest.mark.parametrize('place', [0, 1])
def test_seed_or_index_that_no_array_can_hold_is_refused(number, place):
  seed, index = (number, 0) if place == 0 else (0, number)
  with pytest.raises(UserError, match=f'seed {seed} and index {index} must'):
    generate_scene(CONFIG, seed, index)


def test_importing_the_package_leaves_mujoco_alone_and_its_absence_is_said(monkeypatch):
  imported = 'import sys, mese_env, mese_env.sensors; sys.exit("mujoco" in sys.modules)'
  assert subprocess.run([sys.executable, '-c', imported]).returncode == 0
  monkeypatch.setitem(sys.modules, 'mujoco', None)
  with pytest.raises(UserError, match='pip install "mujoco'):
    generate_scene(CONFIG, 0, 0)
  assert mese_env.GENERATOR_VERSION


@pytest.mark.parametrize(('looks', 'grasps'), [(0, 2), (2, 0), (0, 0)])
def test_one_sense_may_be_left_out_and_changes_nothing_of_the_other(looks, grasps, monkeypatch):
  config = dataclasses.replace(CONFIG, num_looks=np.int64(looks), num_grasps=np.int64(grasps))
  if not grasps:
    monkeypatch.setitem(sys.modules, 'mujoco', None)
  scene, whole = generate_scene(config, 7, 3), _whole_scene()
  assert scene['images'].shape == (looks, 32, 32, 3) and scene['haptics'].shape == (grasps, 132)
  for name, value in scene.items():
    kept = {'images': looks, 'cameras': looks, 'haptics': grasps, 'hands': grasps}.get(name)
    expected = whole[name] if kept is None else whole[name][:kept]
    assert value.dtype == whole[name].dtype
    np.testing.assert_array_equal(value, expected)


@functools.cache
def _whole_scene():
  return generate_scene(CONFIG, 7, 3)


def _digest(scene):
  return hashlib.sha256(b''.join(value.tobytes() for _, value in sorted(scene.items()))).hexdigest()
