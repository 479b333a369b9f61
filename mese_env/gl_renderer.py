"""MuJoCo's own renderer: the reference for the ray caster, and the only one that draws the hand.

It needs a system OpenGL library, which no Python wheel contains, and reads `MUJOCO_GL` when MuJoCo
is first imported.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mese_env import hand, poses
from mese_env.errors import UserError

if TYPE_CHECKING:
  import mujoco

SHADOW_SIZE = 2048  # texels per side of the shadow map
MULTISAMPLES = 4


def render_looks(
    model: 'mujoco.MjModel', cameras: Sequence[poses.Pose], image_size: int
) -> np.ndarray:
  """Draws the object of a model, without the hand, as several cameras see it.

  Args:
    model: from `hand.scene_model`; its camera is moved.
    cameras: from `poses.camera_pose`.
    image_size: pixels per side.

  Returns:
    uint8 (len(cameras), image_size, image_size, 3).

  Raises:
    UserError: no OpenGL library is found.
  """
  mujoco = hand.import_mujoco()
  data = mujoco.MjData(model)
  option = mujoco.MjvOption()
  option.geomgroup[hand.HAND_GROUP] = 0
  images = []
  with _renderer(model, image_size) as renderer:
    for camera in cameras:
      _place_camera(model, camera)
      mujoco.mj_kinematics(model, data)
      mujoco.mj_camlight(model, data)
      renderer.update_scene(data, 'look', option)
      images.append(renderer.render())
  return np.stack(images)


def render_hand(
    model: 'mujoco.MjModel', data: 'mujoco.MjData', camera: poses.Pose, image_size: int,
    field_of_view: float = 30.0,
) -> np.ndarray:
  """Draws the object and the hand in the state of `data`.

  Args:
    model: from `hand.scene_model`; its camera is moved and its lens changed.
    data: as `grasp.close_hand` leaves it.
    camera: from `poses.camera_pose`.
    image_size: pixels per side.
    field_of_view: degrees; the hand needs more than the object.

  Returns:
    uint8 (image_size, image_size, 3).

  Raises:
    UserError: no OpenGL library is found.
  """
  mujoco = hand.import_mujoco()
  with _renderer(model, image_size) as renderer:
    _place_camera(model, camera)
    model.camera('look').fovy[:] = field_of_view
    mujoco.mj_forward(model, data)
    renderer.update_scene(data, 'look')
    return renderer.render()


def _place_camera(model: 'mujoco.MjModel', camera: poses.Pose) -> None:
  look = model.camera('look')
  look.pos[:] = camera.position
  # MuJoCo's cameras look along -z with y up and x to the right.
  forward, left, up = camera.frame.T
  look.quat[:] = poses.frame_to_quaternion(np.stack([-left, up, -forward], axis=1))


@contextlib.contextmanager
def _renderer(model: 'mujoco.MjModel', image_size: int) -> Iterator['mujoco.Renderer']:
  mujoco = hand.import_mujoco()
  model.vis.quality.shadowsize = SHADOW_SIZE
  model.vis.quality.offsamples = MULTISAMPLES
  try:
    renderer = mujoco.Renderer(model, image_size, image_size)
  except Exception as error:
    backend = os.environ.get('MUJOCO_GL', 'unset')
    raise UserError(
        f'MuJoCo cannot open OpenGL with MUJOCO_GL {backend}: install the Debian packages'
        ' libegl1 and libgl1 and set MUJOCO_GL=egl, or libosmesa6 and set MUJOCO_GL=osmesa, or use'
        " the default renderer 'raycast'."
    ) from error
  with renderer:
    yield renderer
