"""How much touch tells about shape: naming an object by comparing its grasps with known ones.

Protocol: some random 5-part shapes, a gallery of grasps of each, and fresh grasps at random poses.
A grasp is its 132 channels and the 7 numbers of its pose (position, and cosine and sine of pitch
and yaw), each standardised over the gallery. The distance of a fresh grasp to a shape is that to
the nearest grasp in the shape's gallery; the shape with the smallest distance summed over the fresh
grasps of an object is its name.
"""

from collections.abc import Callable

import numpy as np

from mese_env import grasp, hand, shapes

NUM_SHAPES = 20
GALLERY_GRASPS = 120  # per shape
TRIAL_GRASPS = 15  # by which one object is named
TRIALS = 10  # objects to name, per shape

_NUM_PARTS = 5


def share_named(
  seed: int,
  num_shapes: int = NUM_SHAPES,
  gallery_grasps: int = GALLERY_GRASPS,
  trials: int = TRIALS,
  hand_name: str = hand.DEFAULT,
  after_each: Callable[[int], None] = lambda count: None,
) -> float:
  """Measures the share of trials in which 15 grasps name the shape; chance is 1 / num_shapes.

  Args:
    seed: of shapes and grasps.
    num_shapes: distinct cell sets to choose among.
    gallery_grasps: known grasps of each shape.
    trials: objects to name, of each shape.
    hand_name: whose grasps, one of `hand.NAMES`.
    after_each: is called after each shape with the number of its grasps, rejected ones aside.

  Raises:
    UserError: MuJoCo, or what holds the meshes, is not installed.
  """
  shape_rng, grasp_rng = np.random.default_rng(seed).spawn(2)
  gallery, fresh, distances = [], [], []
  for walk in distinct_walks(num_shapes, shape_rng):
    positions = shapes.centred_positions(walk)
    model = hand.scene_model(positions, np.ones((_NUM_PARTS, 3)), hand_name)
    gallery.append(grasp.sample_grasps(model, gallery_grasps, grasp_rng))
    fresh.append(grasp.sample_grasps(model, trials * TRIAL_GRASPS, grasp_rng))
    after_each(gallery_grasps + trials * TRIAL_GRASPS)
  known = np.stack([_features(grasps) for grasps in gallery])
  mean, spread = known.mean(axis=(0, 1)), known.std(axis=(0, 1))
  spread[spread == 0] = 1  # a channel that never varies tells no two grasps apart
  known = ((known - mean) / spread).reshape(num_shapes * gallery_grasps, -1)
  for grasps in fresh:
    to_grasps = _distances((_features(grasps) - mean) / spread, known)
    nearest = to_grasps.reshape(trials, TRIAL_GRASPS, num_shapes, gallery_grasps).min(axis=-1)
    distances.append(nearest.sum(axis=1))
  named = np.stack(distances).argmin(axis=-1)  # (num_shapes, trials)
  return float(np.mean(named == np.arange(num_shapes)[:, None]))


def distinct_walks(num_shapes: int, rng: np.random.Generator) -> list[np.ndarray]:
  """Draws 5-part walks until they have so many cell sets; one of each, (5, 3)."""
  walks = {}
  while len(walks) < num_shapes:
    walk = shapes.sample_walk(_NUM_PARTS, rng)
    walks.setdefault(shapes.shape_ids(walk).cells_id, walk)
  return list(walks.values())


def _features(grasps: grasp.Grasps) -> np.ndarray:
  positions, angles = np.split(grasps.hands.astype(np.float64), [3], axis=1)
  return np.concatenate([grasps.haptics, positions, np.cos(angles), np.sin(angles)], axis=1)


def _distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
  # Euclidean, (R, O), without the (R, O, features) array of differences.
  squares = np.sum(rows**2, axis=1)[:, None] + np.sum(others**2, axis=1) - 2 * rows @ others.T
  return np.sqrt(np.maximum(squares, 0))
