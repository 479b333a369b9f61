"""MuJoCo's own renderer of looks: the reference that the ray caster is held against.

It needs a system OpenGL library, which no Python wheel contains. `MUJOCO_GL` says which before
MuJoCo is first imported; where it says none and there is no display, EGL is taken. Opening it takes
some 0.3 s, so a process opens it once per image size. Processes that drew with EGL on one NVIDIA
H200 at a time were seen to hang (MuJoCo's issue 3444): one process per GPU is safe.
"""

import atexit
import contextlib
import copy
import ctypes
import functools
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mese_env import engine, hand, machine, poses
from mese_env.errors import UserError
from mese_env.world import World

if TYPE_CHECKING:
  import mujoco

SHADOW_SIZE = 512  # texels per side; the authors' 2048 changes an image's mean by under 0.001/255
MULTISAMPLES = 4

# Why OpenGL could not be opened, if so: a second attempt in one process ends it (MuJoCo 4.0.0).
_failures: list[str] = []


def render_looks(world: World, cameras: Sequence[poses.Pose]) -> np.ndarray:
  """Draws the object of a world, without the hand, as several cameras see it.

  Args:
    world: whose object; not changed.
    cameras: from `poses.camera_pose`.

  Returns:
    uint8 (len(cameras), world.image_size, world.image_size, 3).

  Raises:
    UserError: MuJoCo or an OpenGL library is missing.
  """
  _choose_backend()
  mujoco, model = engine.import_mujoco(), world.model
  option = mujoco.MjvOption()
  option.geomgroup[hand.HAND_GROUP] = 0
  data = mujoco.MjData(model)
  drawn, renderer = _open_renderer(hand.num_parts(model), world.hand, world.image_size)
  drawn.body_pos[:] = model.body_pos
  drawn.geom_rgba[:] = model.geom_rgba
  look = drawn.camera('look')
  images = []
  for camera in cameras:
    look.pos[:] = camera.position
    # MuJoCo's cameras look along -z, with x to the right and y up.
    forward, left, up = camera.frame.T
    look.quat[:] = poses.frame_to_quaternion(np.stack([-left, up, -forward], axis=1))
    mujoco.mj_kinematics(drawn, data)
    mujoco.mj_camlight(drawn, data)
    renderer.update_scene(data, 'look', option)
    images.append(renderer.render())
  return np.stack(images)


def _choose_backend() -> None:
  """Takes EGL where nobody chose, no window can open, and MuJoCo has not taken GLFW yet."""
  is_open = sys.platform != 'linux' or os.environ.get('MUJOCO_GL') or machine.has_display()
  if is_open or 'mujoco' in sys.modules:
    return
  # Named where it is absent, it would make MuJoCo's import fail.
  with contextlib.suppress(OSError):
    ctypes.CDLL('libEGL.so.1')
    os.environ['MUJOCO_GL'] = 'egl'


@functools.cache
def _open_renderer(
  num_parts: int, hand_name: str, image_size: int
) -> tuple['mujoco.MjModel', 'mujoco.Renderer']:
  if _failures:
    raise UserError(_failures[0])
  # A renderer draws the one model it was opened with: this copy, overwritten for each picture.
  mujoco = engine.import_mujoco()
  model = copy.copy(hand.compiled_model(num_parts, hand_name))
  model.vis.quality.shadowsize = SHADOW_SIZE
  model.vis.quality.offsamples = MULTISAMPLES
  model.vis.global_.offwidth = model.vis.global_.offheight = image_size
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')  # GLFW warns of what the sentence below says
      renderer = mujoco.Renderer(model, image_size, image_size)
  except Exception as error:
    backend = os.environ.get('MUJOCO_GL') or 'unset'
    _failures.append(
      f'MuJoCo cannot open OpenGL with MUJOCO_GL {backend}: {engine.GL_REMEDY}'
      if importlib.util.find_spec('OpenGL')
      else engine.NO_GL_REMEDY
    )
    raise UserError(_failures[0]) from error
  atexit.register(renderer.close)
  return model, renderer
