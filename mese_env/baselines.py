"""How well simple policies name an object, after so many looks or grasps.

Protocol, as of `recognition`: some random 5-part shapes, a gallery of looks or grasps of each from
random poses, and fresh objects of the same shapes in other colours, sensed from poses that a policy
chooses. The distance of what is sensed to a shape is that to the nearest of its gallery, by the
silhouette or the 132 channels and by the pose, each number standardised over the gallery. The shape
with the smallest sum so far is the name. A grasp that is too forceful is a step that tells nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mese_env import poses, recognition, shapes
from mese_env.objects import Object
from mese_env.poses import Pose
from mese_env.progress import Progress
from mese_env.world import World

STEPS = (1, 2, 4, 8, 15)  # after which a name is given
CANDIDATES = 32  # random poses among which a policy chooses
_IMAGE_SIZE = 16  # pixels per side of a silhouette


class Sense(NamedTuple):
  """How an object is sensed.

  Attributes:
    name: in the table.
    pose: of a pitch and a yaw.
    feel: what a world tells at a pose; None where nothing.
  """

  name: str
  pose: Callable[[float, float], Pose]
  feel: Callable[[World, Pose], np.ndarray | None]


class Accuracy(NamedTuple):
  """The share of objects named rightly by one policy.

  Attributes:
    sense: name of the sense.
    policy: name of the policy.
    shares: after each of `STEPS`.
    num_objects: that were named.
  """

  sense: str
  policy: str
  shares: tuple[float, ...]
  num_objects: int


def measure(num_shapes: int, num_gallery: int, num_trials: int, seed: int) -> list[Accuracy]:
  """Measures every policy with every sense; progress goes to standard error.

  Args:
    num_shapes: distinct cell sets to choose among.
    num_gallery: known looks or grasps of each.
    num_trials: objects to name, of each shape, by each policy.
    seed: of everything.

  Raises:
    UserError: MuJoCo is not installed.
  """
  walks = recognition.distinct_walks(num_shapes, np.random.default_rng([seed, 0]))
  found = []
  each = num_gallery + len(POLICIES) * num_trials * STEPS[-1]
  with Progress('looks and grasps', total=len(SENSES) * num_shapes * each) as progress:
    for sense in SENSES:
      rng = np.random.default_rng([seed, 1])
      gallery = []
      for walk in walks:
        gallery.append(_gallery(sense, _world(walk, rng), num_gallery, rng))
        progress.advance(num_gallery)
      known = np.stack(gallery)
      for policy, choose in POLICIES.items():
        named = np.zeros((num_shapes, num_trials, len(STEPS)), bool)
        for shape, trial in np.ndindex(num_shapes, num_trials):
          # Of the same objects whatever the policy.
          trial_rng = np.random.default_rng([seed, 2, shape, trial])
          names = _names(sense, choose, _world(walks[shape], trial_rng), known, trial_rng)
          named[shape, trial] = names == shape
          progress.advance(STEPS[-1])
        shares = tuple(named.mean(axis=(0, 1)).tolist())
        found.append(Accuracy(sense.name, policy, shares, num_shapes * num_trials))
  return found


def format_table(found: list[Accuracy]) -> str:
  """Lays the shares out in per cent, each with its standard error over objects."""
  head = ['sense', 'policy', *(f'after {count}' for count in STEPS)]
  rows = [head]
  for accuracy in found:
    cells = [
      f'{100 * share:.1f} ± {100 * np.sqrt(share * (1 - share) / accuracy.num_objects):.1f}'
      for share in accuracy.shares
    ]
    rows.append([accuracy.sense, accuracy.policy, *cells])
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return '\n'.join(
    '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for row in rows
  )


def _random(taken: list[Pose], pose: Callable[..., Pose], rng: np.random.Generator) -> Pose:
  del taken
  return pose(*poses.sample_angles(rng))


def _farthest_axis(taken: list[Pose], pose: Callable[..., Pose], rng: np.random.Generator) -> Pose:
  """Of some poses the one least along, or against, those already taken."""
  candidates = [pose(*poses.sample_angles(rng)) for _ in range(CANDIDATES if taken else 1)]
  return min(
    candidates,
    key=lambda candidate: max((abs(_axis(candidate) @ _axis(one)) for one in taken), default=0.0),
  )


def _axis(pose: Pose) -> np.ndarray:
  return pose.position / np.linalg.norm(pose.position)


def _look(world: World, camera: Pose) -> np.ndarray:
  return world.look(camera).any(axis=-1).astype(np.float64).ravel()


def _grasp(world: World, wrist: Pose) -> np.ndarray | None:
  touch = world.grasp(wrist)
  return None if touch.rejected else touch.reading.astype(np.float64)


POLICIES = {'random': _random, 'farthest axis': _farthest_axis}
SENSES = (Sense('look', poses.camera_pose, _look), Sense('touch', poses.wrist_pose, _grasp))


def _world(walk: np.ndarray, rng: np.random.Generator) -> World:
  colours = shapes.sample_colours(len(walk), rng)
  thing = Object(shapes.centred_positions(walk), colours, shapes.shape_ids(walk))
  return World(thing, image_size=_IMAGE_SIZE)


def _gallery(sense: Sense, world: World, size: int, rng: np.random.Generator) -> np.ndarray:
  known = []
  while len(known) < size:
    pose = sense.pose(*poses.sample_angles(rng))
    felt = sense.feel(world, pose)
    if felt is not None:
      known.append(_features(felt, pose))
  return np.stack(known)


def _names(
  sense: Sense,
  choose: Callable[..., Pose],
  world: World,
  known: np.ndarray,
  rng: np.random.Generator,
) -> np.ndarray:
  """The shapes that an object is taken for after each of `STEPS`."""
  mean, spread = known.mean(axis=(0, 1)), known.std(axis=(0, 1))
  spread[spread == 0] = 1  # a number that never varies tells nothing apart
  known = (known - mean) / spread
  taken, distance, names = [], np.zeros(len(known)), []
  for step in range(STEPS[-1]):
    taken.append(choose(taken, sense.pose, rng))
    felt = sense.feel(world, taken[-1])
    if felt is not None:
      here = (_features(felt, taken[-1]) - mean) / spread
      distance = distance + np.linalg.norm(known - here, axis=-1).min(axis=1)
    if step + 1 in STEPS:
      names.append(distance.argmin())
  return np.array(names)


def _features(felt: np.ndarray, pose: Pose) -> np.ndarray:
  angles = np.array([pose.pitch, pose.yaw])
  return np.concatenate([felt, pose.position, np.cos(angles), np.sin(angles)])
