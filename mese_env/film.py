"""A film of one grasp: the hand closing, its pads lit up as they feel, the readings beside it."""

import numpy as np

from mese_env import grasp, panel, picture, poses
from mese_env.objects import sample_object
from mese_env.world import Touch, World

FRAME_MS = 80  # half the speed of the simulation
LAST_MS = 1500


def first_grasp(seed: int, num_parts: int, hand: str) -> tuple[World, poses.Pose, Touch]:
  """An object, and the first wrist pose at which it can be grasped without too much force.

  Args:
    seed: of both, not negative.
    num_parts: of the object.
    hand: one of `hand.NAMES`.

  Returns:
    the world as the grasp left it, the wrist's pose, and what the grasp felt.

  Raises:
    UserError: an argument is out of its range; MuJoCo, or what holds the meshes, is missing.
  """
  rng = np.random.default_rng(seed)
  world = World(sample_object(num_parts, rng), hand)
  while True:
    wrist = poses.wrist_pose(*poses.sample_angles(rng))
    touch = world.grasp(wrist)
    if not touch.rejected:
      return world, wrist, touch


def frames(world: World, wrist: poses.Pose, size: int) -> list[np.ndarray]:
  """Draws the hand as it closes, a frame for each control step.

  Args:
    world: whose hand grasps; left as the grasp leaves it.
    wrist: where the hand is put.
    size: pixels per side of the picture; the readings take as much beside it.

  Returns:
    uint8 (size, 2 * size, 3) each.

  Raises:
    UserError: MuJoCo, or what holds the meshes of the hand, is not installed.
  """
  world.grasp(wrist)
  camera = picture.best_camera(world.model, world.data)
  grasp.place(world.model, world.data, wrist)
  taken = []
  for _ in range(grasp.CONTROL_STEPS):
    command = grasp.closing_command(world.model, world.data.ctrl)
    grasp.advance(world.model, world.data, command)
    beside = panel.draw(grasp.read(world.data), size, size)
    taken.append(np.concatenate([world.picture(camera, size), beside], axis=1))
  return taken
