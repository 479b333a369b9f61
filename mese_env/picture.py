"""Pictures of the object with the hand, without OpenGL: rays that MuJoCo itself follows.

The lamps, and so the colours, are those of the looks (`raycast.light`). A touch pad that feels
something glows, the more the harder it is pressed.
"""

from typing import TYPE_CHECKING

import numpy as np

from mese_env import engine, hand, lighting, poses, raycast, sensors

if TYPE_CHECKING:
  import mujoco

FIELD_OF_VIEW = 25.0  # degrees; the forearm reaches 0.2 m from the origin

_CLOSENESS = 0.62  # metres from the origin to the cameras among which one is chosen
_TURNS, _PITCH = 12, -0.5  # of them all around, a little from above
_TRIAL_SIZE = 40  # samples per side, of what each of them sees
_PAD_WORTH = 4  # a sample on a pad that feels, in samples on a cube

_GLOW = np.array([1.0, 0.25, 0.05])  # of a pad that is pressed hard
_HALF_GLOW = 2.0  # newtons at which a pad glows by half
_PAD_MARGIN = 1.15  # by which a pad, a volume in the link, is drawn larger, to show on its surface
_OFFSET = 5e-4  # metres by which what the lamp's ray meets may be off the point that it is for


def draw(
  model: 'mujoco.MjModel', data: 'mujoco.MjData', camera: poses.Pose, size: int
) -> np.ndarray:
  """Draws the object and the hand in the state of `data`, its pads by its last readings.

  Args:
    model: from `hand.scene_model`.
    data: of that model, as `grasp` leaves it; its positions are computed anew, and nothing else.
    camera: from `poses.camera_pose`, or any.
    size: pixels per side.

  Returns:
    uint8 (size, size, 3).

  Raises:
    UserError: MuJoCo is not installed.
  """
  engine.import_mujoco().mj_kinematics(model, data)
  rays = _rays(camera, size * raycast.SAMPLES)
  samples = np.zeros(rays.shape)
  geoms, distances, normals = _follow(model, data, camera.position, rays)
  hit = np.flatnonzero(geoms >= 0)
  rays, geoms, normals = rays[:, hit], geoms[hit], normals[:, hit]
  points = camera.position[:, None] + distances[hit] * rays
  to_lamp, visible = _lamp(model, data, points)
  colours = model.geom_rgba[geoms, :3].T.astype(np.float64)
  colours += _glow(model, data, points, geoms) * (_GLOW[:, None] - colours)
  lit = raycast.light(
    colours,
    -np.sign(np.sum(normals * rays, axis=0)) * normals,  # the side that faces the camera
    rays,
    to_lamp,
    visible,
    camera.frame[:, :1],
    np,
  )
  samples[:, hit] = lit
  return raycast.to_pixels(samples, size, np)


def best_camera(model: 'mujoco.MjModel', data: 'mujoco.MjData') -> poses.Pose:
  """Of cameras around the object the one that sees most of it, and of the pads that feel.

  Args:
    model: from `hand.scene_model`.
    data: of that model, as `grasp` leaves it; its positions are computed anew, and nothing else.

  Raises:
    UserError: MuJoCo is not installed.
  """
  engine.import_mujoco().mj_kinematics(model, data)
  cameras = []
  for turn in range(_TURNS):
    camera = poses.camera_pose(_PITCH, 2 * np.pi * turn / _TURNS)
    cameras.append(camera._replace(position=_CLOSENESS * camera.position))
  return max(cameras, key=lambda camera: _worth(model, data, camera))


def _worth(model: 'mujoco.MjModel', data: 'mujoco.MjData', camera: poses.Pose) -> float:
  """How much a camera shows of the cubes and of the pads that feel, in samples."""
  rays = _rays(camera, _TRIAL_SIZE)
  geoms, distances, _ = _follow(model, data, camera.position, rays)
  hit = np.flatnonzero(geoms >= 0)
  points = camera.position[:, None] + distances[hit] * rays[:, hit]
  cubes = np.sum(model.geom_group[geoms[hit]] == hand.BLOCK_GROUP)
  return float(cubes + _PAD_WORTH * _glow(model, data, points, geoms[hit]).sum())


def _rays(camera: poses.Pose, size: int) -> np.ndarray:
  """Unit directions (3, size * size) of a picture's samples, row-major."""
  grid = np.arange(size)
  tangent = float(np.tan(np.radians(FIELD_OF_VIEW / 2)))
  return raycast.rays(camera.frame, grid, grid, size, np, tangent)


def _follow(
  model: 'mujoco.MjModel', data: 'mujoco.MjData', origin: np.ndarray, rays: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Of rays (3, R): the geom that each meets or -1 (R,), how far off (R,), and its normal there."""
  mujoco = engine.import_mujoco()
  count = rays.shape[1]
  geoms, distances, normals = np.zeros(count, np.int32), np.zeros(count), np.zeros(3 * count)
  if count:
    directions = np.ascontiguousarray(rays.T).ravel()
    mujoco.mj_multiRay(
      model,
      data,
      np.asarray(origin, np.float64),
      directions,
      None,
      True,
      -1,
      geoms,
      distances,
      normals,
      count,
      mujoco.mjMAXVAL,
    )
  return geoms, distances, normals.reshape(-1, 3).T


def _lamp(
  model: 'mujoco.MjModel', data: 'mujoco.MjData', points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Unit directions (3, R) from points to the lamp, and whether it shines on them (R,)."""
  lamp = np.array(lighting.LAMP_POSITION)
  to_lamp = lamp[:, None] - points
  distance = np.linalg.norm(to_lamp, axis=0)
  to_lamp /= distance
  _, met, _ = _follow(model, data, lamp, -to_lamp)
  return to_lamp, met > distance - _OFFSET


def _glow(
  model: 'mujoco.MjModel', data: 'mujoco.MjData', points: np.ndarray, geoms: np.ndarray
) -> np.ndarray:
  """How much points (3, R) on geoms (R,) glow, in [0, 1]: those of pads that are pressed."""
  glow = np.zeros(len(geoms))
  bodies = model.geom_bodyid[geoms]
  touch = data.sensordata[list(sensors.channels(kind='touch'))]
  pads = model.sensor_objid[model.sensor_type == engine.import_mujoco().mjtSensor.mjSENS_TOUCH]
  for site, force in zip(pads, touch, strict=True):
    if not force > 0:
      continue
    near = np.flatnonzero(bodies == model.site_bodyid[site])
    offset = points[:, near] - data.site_xpos[site][:, None]
    local = data.site_xmat[site].reshape(3, 3).T @ offset / model.site_size[site][:, None]
    glow[near[np.sum(local**2, axis=0) < _PAD_MARGIN**2]] = force / (force + _HALF_GLOW)
  return glow
