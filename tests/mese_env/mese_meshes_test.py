"""The hands with collision meshes: where the meshes come from, and what they make of a grasp."""

import subprocess
import sys

import mujoco
import numpy as np
import pytest

from mese_env import SceneConfig, generate_scene, grasp, hand, meshes, poses, sensors, shapes
from mese_env.errors import UserError

LINKS = [f'{finger}{i}' for finger in sensors.FINGERS for i in range(4)]
LINKS += ['palm', 'wristx', 'wristy', 'wristz']
PRONATION = sensors.SENSOR_NAMES.index('jointpos/wrist_PRO')


@pytest.fixture(name='wheel')
def _wheel():
  try:
    meshes.folder()
  except UserError as error:
    pytest.skip(str(error))


@pytest.fixture(name='stand_in')
def _stand_in(tmp_path, monkeypatch):
  """A folder that Python takes for the installed wheel, with a tetrahedron for every link."""
  folder = tmp_path / 'myosuite/envs/myo/assets/MPL_sim/meshes/mplL'
  folder.mkdir(parents=True)
  for link in LINKS:
    (folder / f'{link}_left.stl').write_bytes(_tetrahedron())
  _declare(tmp_path, '3.0.0')
  monkeypatch.syspath_prepend(tmp_path)
  return tmp_path


def test_left_hand_s_meshes_are_mirrored_where_they_lie(stand_in):
  model = _compile_anew('mesh')
  for link in LINKS:
    corners = _corners(model, link)
    np.testing.assert_allclose(corners[np.argmin(corners[:, 0])], (-0.004, 0.002, 0.003), atol=1e-9)
    assert corners[:, 0].max() == pytest.approx(-0.001)
  # Only the forearm stays what it is.
  kinds = model.geom_type[model.geom_group == hand.HAND_GROUP]
  assert list(kinds) == [mujoco.mjtGeom.mjGEOM_CYLINDER] + len(LINKS) * [mujoco.mjtGeom.mjGEOM_MESH]


def test_fidelity_means_the_authors_steps_and_the_older_collision_code(stand_in):
  native = mujoco.mjtDisableBit.mjDSBL_NATIVECCD
  for name, timestep, steps, is_off in (('mesh', 0.005, 8, False), ('fidelity', 0.002, 20, True)):
    model = _compile_anew(name)
    assert hand.name_of(model) == name
    assert (model.opt.timestep, hand.substeps(model)) == (timestep, steps)
    assert bool(model.opt.disableflags & native) == is_off
    assert model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_MULTICCD


def test_absent_wheel_is_one_sentence_with_the_command(monkeypatch):
  monkeypatch.setattr(sys, 'path', [])
  with pytest.raises(UserError, match='missing: python -m pip install --no-deps myosuite==3.0.0$'):
    meshes.folder()


def test_another_release_or_one_without_meshes_is_refused(stand_in):
  folder = meshes.folder()
  folder.rename(folder.with_name('elsewhere'))
  with pytest.raises(UserError, match=f'{folder}, where .* --no-deps myosuite==3.0.0$'):
    meshes.folder()
  (stand_in / 'myosuite-3.0.0.dist-info/METADATA').unlink()
  (stand_in / 'myosuite-3.0.0.dist-info').rmdir()
  _declare(stand_in, '2.9.1')
  with pytest.raises(UserError, match='not 2.9.1: .* --no-deps myosuite==3.0.0$'):
    meshes.folder()


def test_stats_of_a_hand_without_its_meshes_exit_with_2(tmp_path):
  _declare(tmp_path, '2.9.1')
  # First on the path: it stands before a right one that may be installed.
  program = f"""
import runpy, sys
sys.path.insert(0, {str(tmp_path)!r})
sys.argv = ['mese_env', 'stats', '--scenes', '1', '--hand', 'mesh']
runpy.run_module('mese_env', run_name='__main__')
"""
  ran = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
  assert ran.returncode == 2
  assert ran.stderr.splitlines()[-1].startswith('error: the meshes are those of myosuite 3.0.0')
  assert 'Traceback' not in ran.stderr


def test_the_wheel_s_palm_has_every_corner_of_the_fitted_hull(wheel):
  palm = _corners(hand.compiled_model(4, 'mesh'), 'palm')
  for corner in _corners(hand.compiled_model(4, 'primitive'), 'palm'):
    assert np.linalg.norm(palm - corner, axis=1).min() < 1e-6


@pytest.mark.parametrize('name', ['mesh', 'fidelity'])
def test_a_scene_takes_the_hand_that_its_config_names(wheel, name):
  config = SceneConfig(num_parts=4, image_size=8, num_looks=1, num_grasps=3, hand=name)
  scene, again = generate_scene(config, 7, 3), generate_scene(config, 7, 3)
  np.testing.assert_array_equal(scene['haptics'], again['haptics'])
  other = generate_scene(SceneConfig(4, 8, 1, 3), 7, 3)
  np.testing.assert_array_equal(scene['images'], other['images'])
  assert not np.array_equal(scene['haptics'], other['haptics'])
  assert np.abs(scene['haptics'][:, PRONATION]).max() < 0.01


def test_hands_feel_nearly_the_same(wheel):
  felt = {name: _same_grasps(name, 4) for name in hand.NAMES}
  for first, second in (('primitive', 'mesh'), ('mesh', 'fidelity')):
    assert _correlation(felt[first], felt[second], 'jointpos') > 0.9
    assert _correlation(felt[first], felt[second], 'touch') > 0.7


@pytest.mark.slow
def test_hands_feel_as_alike_as_docs_hands_md_says(wheel):
  felt = {name: _same_grasps(name, 20) for name in hand.NAMES}
  for first, second, joints, touch in (
    ('primitive', 'mesh', 0.940, 0.815),
    ('mesh', 'fidelity', 0.957, 0.853),
    ('primitive', 'fidelity', 0.919, 0.777),
  ):
    # Another processor rounds otherwise, and some contacts then come out otherwise.
    assert _correlation(felt[first], felt[second], 'jointpos') == pytest.approx(joints, abs=0.02)
    assert _correlation(felt[first], felt[second], 'touch') == pytest.approx(touch, abs=0.04)


def _same_grasps(name: str, num_objects: int) -> np.ndarray:
  """Readings of 15 grasps of each object, the same ones for every hand, none rejected."""
  readings = []
  for rng in np.random.default_rng(0).spawn(num_objects):
    positions = shapes.centred_positions(shapes.sample_walk(5, rng))
    model = hand.scene_model(positions, np.ones((5, 3)), name)
    data = mujoco.MjData(model)
    for _ in range(15):
      pose = poses.wrist_pose(*poses.sample_angles(rng))
      readings.append(grasp.close_hand(model, data, pose))
  return np.array(readings)


def _correlation(first: np.ndarray, second: np.ndarray, kind: str) -> float:
  """Median over the channels of a kind that vary in both."""
  varying = [i for i in sensors.channels(kind=kind) if np.ptp(first[:, i]) and np.ptp(second[:, i])]
  return float(np.median([np.corrcoef(first[:, i], second[:, i])[0, 1] for i in varying]))


def _compile_anew(name: str) -> mujoco.MjModel:
  # Past the cache, which must not keep the stand-in.
  return hand.compiled_model.__wrapped__(4, name)


def _corners(model: mujoco.MjModel, link: str) -> np.ndarray:
  """The vertices of a link's mesh in the link's frame."""
  (geom,) = (g for g in range(model.ngeom) if model.geom_bodyid[g] == model.body(link).id)
  mesh = model.geom_dataid[geom]
  corners = model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
  turned = np.zeros(9)
  mujoco.mju_quat2Mat(turned, model.geom_quat[geom])
  return corners @ turned.reshape(3, 3).T + model.geom_pos[geom]


def _declare(folder, version: str) -> None:
  info = folder / f'myosuite-{version}.dist-info'
  info.mkdir()
  (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: myosuite\nVersion: {version}\n')


def _tetrahedron() -> bytes:
  """A binary STL file: 80 bytes of header, the number of triangles, and 50 bytes for each."""
  corners = np.array([(1, 2, 3), (1, 5, 3), (1, 2, 6), (4, 2, 3)]) / 1000
  triangles = np.zeros(4, [('normal', '<f4', 3), ('corners', '<f4', (3, 3)), ('colour', '<u2')])
  triangles['corners'] = corners[[(0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 2)]]
  return bytes(80) + np.uint32(4).tobytes() + triangles.tobytes()
