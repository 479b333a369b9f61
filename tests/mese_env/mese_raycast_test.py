"""The ray caster: against the light formula by hand, against itself in JAX, against MuJoCo."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from mese_env import SceneConfig, generate_scene, poses, raycast, shapes

SIZE = 64
# The middle of an even number of pixels is a corner of this one.
MIDDLE = (SIZE // 2, SIZE // 2)
GREY = 0.4

# Draws with OpenGL in a process of its own, since MUJOCO_GL is read once, when MuJoCo is imported.
DRAW = """
import sys
import numpy as np
from mese_env import SceneConfig, World, generate_scene, picture, poses, sample_object
from mese_env.errors import exit_on_user_error
with exit_on_user_error():
  config = SceneConfig(num_grasps=0, renderer='mujoco')
  looks = np.stack([generate_scene(config, 5, i)['images'] for i in range(6)])
  import mujoco
  cast, drawn = [], []
  for seed in range(4):
    world = World(sample_object(5, np.random.default_rng(seed)))
    world.grasp(poses.wrist_pose(0.2 * seed, 1.0))
    world.data.sensordata[:] = 0  # OpenGL's pads do not glow.
    pose = poses.camera_pose(-0.5, seed)
    cast.append(world.picture(pose, 96))
    model = world.model
    model.vis.quality.shadowsize = 2048
    camera = model.camera('look')
    camera.fovy[:], camera.pos[:] = picture.FIELD_OF_VIEW, pose.position
    forward, left, up = pose.frame.T
    camera.quat[:] = poses.frame_to_quaternion(np.stack([-left, up, -forward], axis=1))
    mujoco.mj_camlight(model, world.data)
    with mujoco.Renderer(model, 96, 96) as renderer:
      renderer.update_scene(world.data, 'look')
      drawn.append(renderer.render())
  np.savez(sys.argv[1], looks=looks, cast=cast, drawn=drawn)
"""


def test_a_face_seen_head_on_has_the_headlight_s_colour_alone():
  image = _render(np.zeros((1, 3)), poses.camera_pose(0.0, 0.0), 4 * SIZE)
  # Its normal is level, and the lamp above it is behind the face: .1 + .6 of the colour.
  colour = round(255 * GREY * 0.7)
  np.testing.assert_array_equal(image[2 * SIZE, 2 * SIZE], colour)
  # Perspective makes the face this share of the picture's side.
  share = shapes.HALF_EXTENT / (1 - shapes.HALF_EXTENT) / np.tan(np.radians(13.8382 / 2))
  assert image.mean() / colour == pytest.approx(share**2, rel=0.04)


def test_a_face_under_the_lamp_adds_diffuse_and_highlight():
  image = _render(np.zeros((1, 3)), poses.camera_pose(-np.pi / 2, 0.0))
  assert image[MIDDLE] == pytest.approx(255 * (GREY * 1.4 + 0.15), abs=1)


def test_a_cube_above_takes_the_lamp_away():
  pitch = -0.6
  camera = poses.camera_pose(pitch, 0.0)
  lower, upper = (0, 0, -0.05), (0, 0, 0.05)
  row, column = _pixel((0, 0, -0.05 + shapes.HALF_EXTENT), camera)
  lit = _render(np.array([lower]), camera)[row, column, 0]
  shaded = _render(np.array([lower, upper]), camera)[row, column, 0]
  headlight = GREY * (0.1 + 0.6 * np.sin(-pitch))
  assert shaded == pytest.approx(255 * headlight, abs=1)
  assert lit >= 255 * (headlight + GREY * 0.7 * 0.95)


@pytest.mark.long
def test_following_every_ray_gives_the_same_picture_in_numpy_and_in_jax():
  rng = np.random.default_rng(0)
  for _ in range(5):
    centres = shapes.centred_positions(shapes.sample_walk(6, rng))
    camera = poses.camera_pose(*poses.sample_angles(rng))
    scene = (centres, shapes.sample_colours(6, rng), camera.position, camera.frame, SIZE)
    image = raycast.render(*scene)
    np.testing.assert_array_equal(raycast.render_dense(*scene), image)
    in_jax = raycast.render_dense(*map(jnp.asarray, scene[:4]), SIZE, jnp)
    # Single precision moves a silhouette by a sample here and there.
    assert np.mean(np.abs(np.asarray(in_jax, int) - image) > 1) < 0.002


@pytest.mark.long
def test_mujoco_draws_the_same_looks_and_the_same_hand(tmp_path):
  drawn = _draw_with_opengl(tmp_path / 'drawn.npz')
  config = SceneConfig(num_grasps=0)
  cast = np.stack([generate_scene(config, 5, i)['images'] for i in range(len(drawn['looks']))])
  difference = np.abs(cast.astype(int) - drawn['looks'])
  assert difference.mean() < 0.35
  inside = cast.any(axis=-1) | drawn['looks'].any(axis=-1)
  assert np.median(difference[inside]) == 0
  pictures, reference = drawn['cast'].astype(int), drawn['drawn']
  assert np.abs(pictures - reference).mean() < 1
  # OpenGL shades the hull of the palm as if it were round.
  seen = pictures.any(axis=-1) & reference.any(axis=-1)
  assert seen.mean() > 0.05
  assert np.median(np.abs(pictures - reference)[seen]) < 6


@pytest.mark.long
@pytest.mark.parametrize(
  ('lacking', 'sentence'), [('', 'libosmesa6'), ('OpenGL', 'pip install "mujoco>=4.0"')]
)
def test_a_second_attempt_without_opengl_is_the_same_sentence_and_no_crash(lacking, sentence):
  hidden = f'import sys\nsys.modules[{lacking!r}] = None' if lacking else ''
  program = """
from mese_env import SceneConfig, generate_scene
from mese_env.errors import UserError
for parts in (4, 4, 5):
  try:
    generate_scene(SceneConfig(parts, 16, 1, 1, renderer='mujoco'), 0, 0)
    print('drawn')
  except UserError as error:
    print(error)
"""
  # Without a screen, GLFW, which MuJoCo takes where it is told nothing, opens no window.
  command = ['env', '-u', 'MUJOCO_GL', '-u', 'DISPLAY', '-u', 'WAYLAND_DISPLAY']
  command += [sys.executable, '-c', hidden + program]
  ran = subprocess.run(command, capture_output=True, text=True)
  assert ran.returncode == 0, ran.stderr
  first, *others = ran.stdout.splitlines()
  assert (first == 'drawn' and not lacking) or sentence in first
  assert others == [first, first]


def _draw_with_opengl(path):
  reasons = []
  for backend in ('egl', 'osmesa'):
    ran = subprocess.run(
      ['env', f'MUJOCO_GL={backend}', sys.executable, '-c', DRAW, str(path)],
      capture_output=True,
      text=True,
    )
    if ran.returncode == 0:
      return np.load(path)
    # Anything but the sentence about a missing OpenGL is a failure.
    assert ran.returncode == 2, ran.stderr
    assert 'libosmesa6' in ran.stderr
    reasons.append(ran.stderr.strip())
  pytest.skip('; '.join(reasons))


def _render(centres, camera, size=SIZE):
  colours = np.full((len(centres), 3), GREY)
  return raycast.render(centres, colours, camera.position, camera.frame, size)


def _pixel(point, camera):
  forward, left, up = (np.asarray(point) - camera.position) @ camera.frame
  tangent = np.tan(np.radians(13.8382 / 2))
  return tuple(int(SIZE / 2 * (1 - side / forward / tangent)) for side in (up, left))
