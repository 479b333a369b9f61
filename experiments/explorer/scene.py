"""The middle of the page: the object, the eye, and the looks and grasps that were given."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.explorer import things
from experiments.explorer.hands import Mesh
from experiments.explorer.hull import SPACING, Hull
from experiments.explorer.state import State
from experiments.explorer.ways import LOOK, Angles
from mese_env import lighting, poses, shapes

# Cameras stand one metre away; they are drawn nearer, so that the object is not lost among them.
# Looks stand a little behind the eye that gave them, which would be hidden else.
_DRAWN_AT, _BEHIND = 0.36, 1.15
_LINES = {'thickness': 2.0, 'thickness_units': 'screen'}
_EYE, _LOOK, _SKIN = (255, 200, 0), (90, 160, 255), (209, 173, 148)
_SIZE, _BALL = 0.034, 0.014  # metres, of what stands for a camera, and of the eye's ball
_FIELD = float(np.radians(2 * lighting.FIELD_OF_VIEW))  # drawn wider, for the pictures to be seen
_OPACITY, _FADED = 0.55, 0.12  # of the last hand, and of those before


def eye_at(position: np.ndarray) -> Angles | None:
  """The angles of a camera that is seen in this direction; None in the middle."""
  x, y, z = np.asarray(position, np.float64)
  distance = np.linalg.norm([x, y, z])
  if not distance > 1e-6:
    return None
  return Angles.nearest(-np.degrees(np.arcsin(z / distance)), np.degrees(np.arctan2(-y, -x)))


def drawn_at(angles: Angles) -> tuple[np.ndarray, np.ndarray]:
  """Where a camera is drawn, and its frame: forward, left, up."""
  pose = LOOK.pose(angles)
  return _DRAWN_AT * pose.position, pose.frame


class Scene:
  """What a browser draws in space.

  Args:
    client: viser's handle of the browser.
  """

  def __init__(self, client: Any):
    self._scene = client.scene
    self._drawn: dict[str, Any] = {}
    self._given: tuple[Any, ...] = ()
    self._eye = self._scene.add_camera_frustum(
      '/eye', fov=_FIELD, aspect=1, scale=_SIZE, color=_EYE, **_LINES
    )
    self.ball = self._scene.add_icosphere('/ball', _BALL, color=_EYE, cast_shadow=False)

  def move_eye(self, angles: Angles) -> None:
    """Puts the eye, and the ball by which it is dragged, where it is."""
    position, frame = drawn_at(angles)
    self._eye.position, self._eye.wxyz = position, _towards(frame)
    self.ball.position = position

  def draw_object(self, state: State, hull: Hull) -> None:
    """The hull of what is imagined, or the true cubes."""
    for name in [name for name in self._drawn if name.startswith('/object')]:
      self._drawn.pop(name).remove()
    if state.truth:
      thing = things.world(state.object, state.cubes).thing
      for i, (position, colour) in enumerate(zip(thing.positions, thing.colours, strict=True)):
        self._drawn[f'/object/{i}'] = self._scene.add_box(
          f'/object/{i}',
          dimensions=(2 * shapes.HALF_EXTENT,) * 3,
          position=position,
          color=tuple(int(255 * part) for part in colour),
        )
    elif len(hull.points):
      spread = np.eye(3) * (0.6 * SPACING) ** 2
      self._drawn['/object/hull'] = self._scene.add_gaussian_splats(
        '/object/hull',
        centers=hull.points,
        covariances=np.broadcast_to(spread, (len(hull.points), 3, 3)),
        rgbs=hull.colours,
        # What half of the samples have is a haze.
        opacities=hull.opacities[:, None] ** 3,
      )

  def draw_given(self, state: State, closed: Sequence[Mesh]) -> None:
    """A picture for each look and a closed hand for each grasp."""
    now = (state.object, state.cubes, state.counted)
    if now == self._given:
      return
    self._given = now
    for name in [name for name in self._drawn if name.startswith('/given')]:
      self._drawn.pop(name).remove()
    left = list(closed)
    for i, one in enumerate(state.counted):
      name = f'/given/{i}'
      if one.way == LOOK:
        self._drawn[name] = self._add_look(name, things.sensed(state, one), one.angles)
        continue
      hand = left.pop(0)
      self._drawn[name] = self._scene.add_mesh_simple(
        name,
        vertices=hand.vertices,
        faces=hand.faces,
        color=_SKIN,
        opacity=_FADED if left else _OPACITY,
        flat_shading=True,
        cast_shadow=False,
      )

  def _add_look(self, name: str, image: np.ndarray, angles: Angles) -> Any:
    position, frame = drawn_at(angles)
    return self._scene.add_camera_frustum(
      name,
      fov=_FIELD,
      aspect=1,
      scale=_SIZE,
      color=_LOOK,
      image=image,
      position=_BEHIND * position,
      wxyz=_towards(frame),
      **_LINES,
    )


def _towards(frame: np.ndarray) -> np.ndarray:
  """Of forward, left and up the turn of viser's cameras: right, down, forward."""
  forward, left, up = frame.T
  return poses.frame_to_quaternion(np.stack([-left, -up, forward], axis=1))
