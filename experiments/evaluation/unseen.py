"""What an object would be sensed as from poses that no dataset holds: the truth of any query.

A scene of the dataset holds its object, so that it can be rendered and grasped again: no view has
to be kept from the context to be asked for.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gmn_jax.senses import HAPTIC, IMAGE, Sense
from mese_env import World, given_object, grasp, hand, poses, raycast

# Keeps the fresh grasps apart from those of the dataset, which are drawn from [seed, index] alone.
_FRESH = 0x67726173


def camera_ring(count: int, elevation: float) -> list[poses.Pose]:
  """Cameras on a circle around the object, evenly spaced, looking at it.

  Args:
    count: how many.
    elevation: of the circle above the object, degrees in [-90, 90].
  """
  return [
    poses.camera_pose(-math.radians(elevation), 2 * math.pi * i / count) for i in range(count)
  ]


def sense_anew(
  scene: dict[str, np.ndarray], cameras: list[poses.Pose], grasps: int, seed: int
) -> dict[str, np.ndarray]:
  """Looks at and grasps the object of a scene again.

  Args:
    scene: as `mese_env.generate_scene` returns it.
    cameras: where it is looked at from.
    grasps: how many fresh grasps, from random wrist poses.
    seed: of the wrist poses, with the scene's own index.

  Returns:
    The scene's `positions` and `colours`, and `images`, `cameras`, `haptics`, `hands` of the new
    poses.
  """
  positions, colours = np.float64(scene['positions']), np.float64(scene['colours'])
  rng = np.random.default_rng([_FRESH, seed, int(scene['index'])])
  felt = grasp.sample_grasps(hand.scene_model(positions, colours), grasps, rng)
  return {
    **look_anew(positions, colours, cameras, scene['images'].shape[1]),
    'haptics': felt.haptics,
    'hands': felt.hands,
    'positions': scene['positions'],
    'colours': scene['colours'],
  }


def look_anew(
  positions: np.ndarray, colours: np.ndarray, cameras: Sequence[poses.Pose], image_size: int
) -> dict[str, np.ndarray]:
  """Looks at an object.

  Args:
    positions: (num_parts, 3), of the cubes, metres.
    colours: (num_parts, 3), of the cubes, in [0, 1].
    cameras: where it is looked at from.
    image_size: pixels per side.

  Returns:
    `images` and `cameras`, as a scene has them.
  """
  return {
    'images': np.stack(
      [raycast.render(positions, colours, c.position, c.frame, image_size) for c in cameras]
    ),
    'cameras': np.stack([poses.query(camera) for camera in cameras]),
  }


def sense_at(
  views: Mapping[str, np.ndarray], scene: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
  """What the object of a scene would be sensed as at the poses of views of another one.

  Args:
    views: `cameras` and `hands`, and `images` for their size.
    scene: that holds its object.
  """
  thing = given_object(np.float64(scene['positions']), np.float64(scene['colours']))
  world = World(thing, image_size=views['images'].shape[1])
  looks = [world.look(poses.camera_of_query(query)) for query in views['cameras']]
  felt = [world.grasp(poses.wrist_of_query(query)).reading for query in views['hands']]
  return {
    'images': np.stack(looks),
    'cameras': views['cameras'],
    'haptics': np.stack(felt),
    'hands': views['hands'],
  }


def can_sense_anew(scene: Mapping[str, np.ndarray], senses: Sequence[Sense]) -> bool:
  """Whether the object of a scene is known, and all senses are simulated."""
  return 'positions' in scene and set(senses) <= {IMAGE, HAPTIC}


def keep_last(
  scene: Mapping[str, np.ndarray], counts: Mapping[Sense, int]
) -> dict[str, np.ndarray]:
  """The last views of a scene, so many of each sense, as `sense_anew` returns new ones."""
  return {
    field: scene[field][-count:]
    for sense, count in counts.items()
    for field in (sense.field, sense.pose_field)
  }
