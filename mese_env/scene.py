"""A scene: one object, looked at and grasped from unrelated poses, as arrays.

`generate_scene(config, seed, index)` is pure: the same arguments give the same bytes on the same
machine, on any worker and in any order.
"""

import dataclasses

import numpy as np

from mese_env import fields, gl_renderer, grasp, hand, poses
from mese_env.errors import UserError
from mese_env.objects import OBJECT_TYPES, OBJECTS, SHEPARD_METZLER
from mese_env.world import World

GENERATOR_VERSION = '1.0.0'  # raised whenever the bytes of some scene change
SEEDS = range(2**63)  # what int64 can hold; also of indices

# A chunk of fifty scenes is held in memory, so that sizes need an end.
_SIZES = {
  'image_size': range(4, 513),
  'num_looks': range(1_001),
  'num_grasps': range(1_001),
}


@dataclasses.dataclass(frozen=True)
class SceneConfig:
  """What scenes are made of; every field is checked.

  Raises:
    UserError: a field is of another type or out of its range.
  """

  num_parts: int = 5  # cubes of the object: 4 to 7 of a Shepard-Metzler object
  image_size: int = 64  # pixels per side; a multiple of four
  num_looks: int = 15
  num_grasps: int = 15
  objects: str = 'all'  # 'all', or by cell set 'seen' or 'held_out' (`shapes.held_out_cells_ids`)
  renderer: str = 'raycast'  # 'raycast' (needs no OpenGL) or 'mujoco'
  hand: str = hand.DEFAULT  # 'primitive'; or 'mesh' or 'fidelity', which need `meshes.REMEDY`
  object_type: str = SHEPARD_METZLER.name  # how objects are made, one of `objects.OBJECT_TYPES`

  def __post_init__(self):
    named = {
      'object_type': tuple(OBJECT_TYPES),
      'objects': OBJECTS,
      'renderer': ('raycast', 'mujoco'),
      'hand': hand.NAMES,
    }
    values = fields.checked(self, named | _SIZES)
    values |= fields.checked(self, {'num_parts': OBJECT_TYPES[self.object_type].parts})
    for field, value in values.items():
      object.__setattr__(self, field, value)  # As it is frozen.
    if self.image_size % 4:
      raise UserError(
        f'image_size is {self.image_size}, which does not divide by four;'
        f' the nearest that does is {max(4, 4 * round(self.image_size / 4))}.'
      )


def generate_scene(config: SceneConfig, seed: int, index: int) -> dict[str, np.ndarray]:
  """Generates scene `index` of the sequence that `seed` names.

  Args:
    config: what the scene is made of.
    seed: of the whole sequence, not negative and below 2^63.
    index: of the scene, not negative and below 2^63.

  Returns:
    images: uint8 (num_looks, image_size, image_size, 3).
    cameras: float32 (num_looks, 5), x y z pitch yaw, metres and radians.
    haptics: float32 (num_grasps, 132), in the order of `sensors.SENSOR_NAMES`.
    hands: float32 (num_grasps, 5), the wrist's x y z pitch yaw.
    positions: float32 (num_parts, 3), centres of the cubes, metres, mean zero.
    colours: float32 (num_parts, 3), red green blue in [0, 1].
    walk_id, cells_id, shape_id: int64 labels of the object, as its type numbers them (`shapes`).
    num_parts, seed, index: int64, as given.

  Raises:
    UserError: seed or index is out of its range; MuJoCo is missing and there are grasps; OpenGL or
      the meshes of the hand are asked for and missing.
  """
  if not all(fields.fits(number, int) and int(number) in SEEDS for number in (seed, index)):
    raise UserError(f'seed {seed} and index {index} must not be negative, and be below 2^63.')
  shape_rng, colour_rng, look_rng, grasp_rng = np.random.default_rng([seed, index]).spawn(4)
  thing = OBJECT_TYPES[config.object_type].sample(
    config.num_parts, config.objects, shape_rng, colour_rng
  )
  world = World(thing, config.hand, config.image_size)
  cameras = [poses.camera_pose(*poses.sample_angles(look_rng)) for _ in range(config.num_looks)]
  if config.renderer == 'mujoco' and cameras:
    images = gl_renderer.render_looks(world, cameras)
  else:
    images = [world.look(camera) for camera in cameras]
  grasps = grasp.NONE
  if config.num_grasps:
    grasps = grasp.sample_grasps(world.model, config.num_grasps, grasp_rng)
  # A number of NumPy's does what an array without dimensions does.
  return {  # pyright: ignore[reportReturnType]
    'images': np.array(images, np.uint8).reshape(-1, config.image_size, config.image_size, 3),
    'cameras': np.array([poses.query(camera) for camera in cameras], np.float32).reshape(-1, 5),
    'haptics': grasps.haptics,
    'hands': grasps.hands,
    'positions': thing.positions.astype(np.float32),
    'colours': thing.colours.astype(np.float32),
    'walk_id': np.int64(thing.ids.walk_id),
    'cells_id': np.int64(thing.ids.cells_id),
    'shape_id': np.int64(thing.ids.shape_id),
    'num_parts': np.int64(config.num_parts),
    'seed': np.int64(seed),
    'index': np.int64(index),
  }
