"""Rays: where the pixels of a cut image look, sampled within a ball around the object.

Every camera of `mese_env` stands one metre from the origin and looks at it, upright. So the samples
are the same points of every camera's frame, known beforehand: a view only turns them. Rays that
miss the ball have none.

Dims: R rays that meet the ball, K samples of each, H W rows and columns of the window.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax.senses.image import ImageCut
from mese_env.errors import UserError

Array = jax.Array
# Metres. What float32 makes of a pose is a thousandth of it.
_OFF = 1e-3


class Rays(NamedTuple):
  """The rays of a window that meet the ball, the same in every camera's frame.

  Attributes:
    points_3KR: float32, the samples from front to back, metres forward, left and up of the origin.
    spacing_R: float32, metres between the samples of a ray.
    pixel_R: through which pixel of the window each goes, row-major.
  """

  points_3KR: np.ndarray
  spacing_R: np.ndarray
  pixel_R: np.ndarray


def rays_of(cut: ImageCut, radius: float, samples: int) -> Rays:
  """The rays through the centres of a window's pixels.

  Args:
    cut: the window.
    radius: of the ball, metres.
    samples: K; each stands for an equal part of what its ray has within the ball, at its middle.
  """
  # Here, so that the model alone loads nothing of the simulator.
  from mese_env import lighting, poses, raycast

  half_field = math.radians(lighting.FIELD_OF_VIEW / 2)
  directions = raycast.rays(
    np.eye(3),
    np.arange(*cut.rows),
    np.arange(*cut.columns),
    cut.canvas,
    np,
    tangent=cut.field * math.tan(half_field),
  )
  # How far along each ray the point is that is nearest to the origin.
  nearest = poses.CAMERA_DISTANCE * directions[0]
  half_chord_squared = radius**2 - (poses.CAMERA_DISTANCE**2 - nearest**2)
  (pixel_R,) = np.nonzero(half_chord_squared > 0)
  half_chord_R = np.sqrt(half_chord_squared[pixel_R])
  middles_K = (np.arange(samples) + 0.5) / samples * 2 - 1
  distance_KR = nearest[pixel_R] + middles_K[:, None] * half_chord_R
  points_3KR = distance_KR * directions[:, None, pixel_R]
  points_3KR[0] -= poses.CAMERA_DISTANCE
  spacing_R = 2 * half_chord_R / samples
  return Rays(points_3KR.astype(np.float32), spacing_R.astype(np.float32), pixel_R)


def refuse_other_cameras(poses_n5: np.ndarray) -> None:
  """Refuses cameras that rays would be wrong for.

  Args:
    poses_n5: x, y, z, pitch, yaw; metres and radians.

  Raises:
    UserError: a camera does not stand one metre from the origin, or does not look at it.
  """
  from mese_env.poses import CAMERA_DISTANCE

  position, (pitch, yaw) = poses_n5[..., :3], np.moveaxis(poses_n5[..., 3:], -1, 0)
  forward = np.stack(
    [np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)], axis=-1
  )
  off = np.linalg.norm(position + CAMERA_DISTANCE * forward, axis=-1).max(initial=0)
  if not off < _OFF:
    raise UserError(
      "renderer='volume' needs cameras that stand 1 m from the origin and look at it, but one is "
      f'{off:.2g} m from where its angles say; use --config.renderer=paper.'
    )


def camera_axes(query_BVQ: Array) -> Array:
  """The axes of cameras from their embedded queries, (B, V, 3, 3): forward, left and up as rows.

  They are the columns of `mese_env.poses.camera_pose`'s frame.
  """
  cos_pitch, sin_pitch, cos_yaw, sin_yaw = jnp.moveaxis(query_BVQ[..., 3:], -1, 0)
  zero = jnp.zeros_like(cos_yaw)
  axes = (
    (cos_pitch * cos_yaw, cos_pitch * sin_yaw, sin_pitch),
    (-sin_yaw, cos_yaw, zero),
    (-sin_pitch * cos_yaw, -sin_pitch * sin_yaw, cos_pitch),
  )
  return jnp.stack([jnp.stack(axis, axis=-1) for axis in axes], axis=-2)
