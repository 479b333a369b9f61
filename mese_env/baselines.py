"""How well simple policies name an object, after so many looks or grasps.

Protocol, as of `recognition`: some random 5-part shapes, a gallery of looks or grasps of each from
random poses, and fresh objects of the same shapes in other colours, sensed from poses that a policy
chooses. The distance of what is sensed to a shape is that to the nearest of its gallery, by the
silhouette or the 132 channels and by the pose, each number standardised over the gallery. The shape
with the smallest sum so far is the name. A grasp that is too forceful is a step that tells nothing.

A policy of one's own is another `Policy`: it is told what was sensed so far, and
`measure(..., policies=(*POLICIES, mine))` puts it beside these. That of a trained model is
`gmn_jax.models.policy.policy_of`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mese_env import poses, recognition, shapes
from mese_env.objects import Object
from mese_env.poses import Pose
from mese_env.progress import Progress
from mese_env.world import World

STEPS = (1, 2, 4, 8, 15)  # after which a name is given
CANDIDATES = 32  # random poses among which a policy chooses
_IMAGE_SIZE = 64  # pixels per side of a look
_SILHOUETTE_SIZE = 16
_DEVIATIONS = 1.96  # to either end of an interval of 95 %


class Sensed(NamedTuple):
  """What was sensed at one pose.

  Attributes:
    pose: of the camera or the wrist.
    felt: an image, uint8 (64, 64, 3), or a reading, float32 (132,); None where a grasp was too
      forceful.
  """

  pose: Pose
  felt: np.ndarray | None


class Sense(NamedTuple):
  """How an object is sensed.

  Attributes:
    name: in the table.
    pose: of a pitch and a yaw.
    feel: what a world tells at a pose; None where nothing.
    features: the numbers of what was told by which two are compared.
  """

  name: str
  pose: Callable[[float, float], Pose]
  feel: Callable[[World, Pose], np.ndarray | None]
  features: Callable[[np.ndarray], np.ndarray]


class Policy(NamedTuple):
  """Where to sense next.

  Attributes:
    name: in the table.
    choose: of what was sensed of an object so far, the sense, and a generator, the next pose.
  """

  name: str
  choose: Callable[[list[Sensed], Sense, np.random.Generator], Pose]


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


def candidates(sensed: list[Sensed], sense: Sense, rng: np.random.Generator) -> list[Pose]:
  """The random poses among which a policy chooses; of the first one all have no choice."""
  return [sense.pose(*poses.sample_angles(rng)) for _ in range(CANDIDATES if sensed else 1)]


def _random(sensed: list[Sensed], sense: Sense, rng: np.random.Generator) -> Pose:
  del sensed
  return sense.pose(*poses.sample_angles(rng))


def _farthest_axis(sensed: list[Sensed], sense: Sense, rng: np.random.Generator) -> Pose:
  """Of some poses the one least along, or against, those already taken."""
  taken = [_axis(one.pose) for one in sensed]
  return min(
    candidates(sensed, sense, rng),
    key=lambda candidate: max((abs(_axis(candidate) @ axis) for axis in taken), default=0.0),
  )


def _axis(pose: Pose) -> np.ndarray:
  return pose.position / np.linalg.norm(pose.position)


def _silhouette(image: np.ndarray) -> np.ndarray:
  """The share of each square that the object covers."""
  squares = (_SILHOUETTE_SIZE, _IMAGE_SIZE // _SILHOUETTE_SIZE) * 2
  return image.any(axis=-1).reshape(squares).mean(axis=(1, 3)).ravel()


def _grasp(world: World, wrist: Pose) -> np.ndarray | None:
  touch = world.grasp(wrist)
  return None if touch.rejected else touch.reading


POLICIES = (Policy('random', _random), Policy('farthest axis', _farthest_axis))
SENSES = (
  Sense('look', poses.camera_pose, World.look, _silhouette),
  Sense('touch', poses.wrist_pose, _grasp, lambda reading: reading.astype(np.float64)),
)


def measure(
  num_shapes: int,
  num_gallery: int,
  num_trials: int,
  seed: int,
  policies: Sequence[Policy] = POLICIES,
) -> list[Accuracy]:
  """Measures policies with every sense; progress goes to standard error.

  Args:
    num_shapes: distinct cell sets to choose among.
    num_gallery: known looks or grasps of each.
    num_trials: objects to name, of each shape, by each policy.
    seed: of everything.
    policies: that choose.

  Raises:
    UserError: MuJoCo is not installed.
  """
  walks = recognition.distinct_walks(num_shapes, np.random.default_rng([seed, 0]))
  found = []
  each = num_gallery + len(policies) * num_trials * STEPS[-1]
  with Progress('looks and grasps', total=len(SENSES) * num_shapes * each) as progress:
    for sense in SENSES:
      rng = np.random.default_rng([seed, 1])
      gallery = []
      for walk in walks:
        gallery.append(_gallery(sense, _world(walk, rng), num_gallery, rng))
        progress.advance(num_gallery)
      known = np.stack(gallery)
      for policy in policies:
        named = np.zeros((num_shapes, num_trials, len(STEPS)), bool)
        for shape, trial in np.ndindex(num_shapes, num_trials):
          # Of the same objects whatever the policy.
          trial_rng = np.random.default_rng([seed, 2, shape, trial])
          names = _names(sense, policy, _world(walks[shape], trial_rng), known, trial_rng)
          named[shape, trial] = names == shape
          progress.advance(STEPS[-1])
        shares = tuple(named.mean(axis=(0, 1)).tolist())
        found.append(Accuracy(sense.name, policy.name, shares, num_shapes * num_trials))
  return found


def format_table(found: list[Accuracy]) -> str:
  """Lays the shares out in per cent, each with its interval of 95 % over objects."""
  head = ['sense', 'policy', *(f'after {count}' for count in STEPS)]
  rows = [head]
  for accuracy in found:
    cells = []
    for share in accuracy.shares:
      low, high = _interval(share, accuracy.num_objects)
      cells.append(f'{100 * share:.1f} ({100 * low:.0f}-{100 * high:.0f})')
    rows.append([accuracy.sense, accuracy.policy, *cells])
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return '\n'.join(
    '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for row in rows
  )


def _interval(share: float, count: int) -> tuple[float, float]:
  """Wilson's, which does not close where all, or none, are right."""
  square = _DEVIATIONS**2 / count
  centre = share + square / 2
  half = np.sqrt(square * (share * (1 - share) + square / 4))
  return (centre - half) / (1 + square), (centre + half) / (1 + square)


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
      known.append(_features(sense, felt, pose))
  return np.stack(known)


def _names(
  sense: Sense,
  policy: Policy,
  world: World,
  known: np.ndarray,
  rng: np.random.Generator,
) -> np.ndarray:
  """The shapes that an object is taken for after each of `STEPS`."""
  mean, spread = known.mean(axis=(0, 1)), known.std(axis=(0, 1))
  spread[spread == 0] = 1  # a number that never varies tells nothing apart
  known = (known - mean) / spread
  sensed, distance, names = [], np.zeros(len(known)), []
  for step in range(STEPS[-1]):
    pose = policy.choose(sensed, sense, rng)
    felt = sense.feel(world, pose)
    sensed.append(Sensed(pose, felt))
    if felt is not None:
      here = (_features(sense, felt, pose) - mean) / spread
      distance = distance + np.linalg.norm(known - here, axis=-1).min(axis=1)
    if step + 1 in STEPS:
      names.append(distance.argmin())
  return np.array(names)


def _features(sense: Sense, felt: np.ndarray, pose: Pose) -> np.ndarray:
  angles = np.array([pose.pitch, pose.yaw])
  return np.concatenate([sense.features(felt), pose.position, np.cos(angles), np.sin(angles)])
