"""MuJoCo, imported only by what needs it, with a sentence for the user where that fails."""

import os
import types

from mese_env.errors import UserError

GL_REMEDY = (
  'install the Debian packages libegl1 and libgl1 and set MUJOCO_GL=egl, or install libosmesa6 and'
  ' set MUJOCO_GL=osmesa, or render with "raycast", which needs no OpenGL (and no MUJOCO_GL).'
)
# The wheel `mujoco-core` is the simulation alone; `mujoco` brings it, and what draws.
NO_GL_REMEDY = (
  'PyOpenGL, by which MuJoCo draws, is not installed; install it with: pip install "mujoco>=4.0", '
  'or render with "raycast", which needs no OpenGL.'
)


def import_mujoco() -> types.ModuleType:
  """Imports MuJoCo.

  Raises:
    UserError: it is not installed, or MUJOCO_GL names an OpenGL that is not there.
  """
  try:
    import mujoco
  except ImportError as error:
    raise UserError(
      f'MuJoCo cannot be imported ({error}); install it with: pip install "mujoco>=4.0".'
    ) from error
  except Exception as error:
    # MuJoCo loads the OpenGL that MUJOCO_GL names while it is imported, and fails in many ways.
    backend = os.environ.get('MUJOCO_GL')
    raise UserError(
      f'MuJoCo cannot be imported with MUJOCO_GL={backend} ({error}); {GL_REMEDY}'
    ) from error
  return mujoco
