"""The MPL right hand and an object of cubes as one MuJoCo model, built from a table of numbers.

The numbers are in `data/mpl_hand.json` (see `data/NOTICE`). The forearm is a rigid child of a mocap
body, so that writing the mocap pose moves the whole hand at once. What a link collides as, and how
time advances, is a choice of three hands:

  primitive  capsules and boxes, the palm a convex hull of 24 vertices; the fast one
  mesh       the convex hulls of the links' own meshes (`meshes`)
  fidelity   the same with the authors' shorter steps and MuJoCo's older collision code
"""

import copy
import functools
import importlib.resources
import json
import pathlib
import types
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mese_env import engine, fields, lighting, meshes, sensors, shapes

if TYPE_CHECKING:
  import mujoco

CONTROL_PERIOD = 0.04  # seconds
HOME_POSITION = (0.0, -0.35, 0.2)  # metres; the wrist's rest, out of every object's reach
HOME_QUATERNION = (0.0, 0.0, 0.0, 1.0)  # half a turn about z

BLOCK_GROUP = 0  # geom groups, so that a renderer can leave the hand out
HAND_GROUP = 1

_ACTUATOR_GAIN = 10.0  # N m per radian
_ARMATURE = 0.01  # kg m^2
_HAND_COLOUR = (0.82, 0.68, 0.58, 1.0)
_CONTACT = {'condim': 4, 'margin': 0.001, 'friction': (1, 0.005, 0.0001)}


class _Physics(NamedTuple):
  """How a hand collides, and how time advances."""

  has_meshes: bool
  timestep: float  # seconds; divides the control period
  has_native_ccd: bool  # MuJoCo's own collision code for convex shapes, or the older libccd


_PHYSICS = {
  'primitive': _Physics(has_meshes=False, timestep=0.005, has_native_ccd=True),
  'mesh': _Physics(has_meshes=True, timestep=0.005, has_native_ccd=True),
  'fidelity': _Physics(has_meshes=True, timestep=0.002, has_native_ccd=False),
}
NAMES = tuple(_PHYSICS)
DEFAULT = 'primitive'


@functools.cache
def compiled_model(num_parts: int, name: str) -> 'mujoco.MjModel':
  """Compiles a hand with `num_parts` cubes, once per process; treat the result as read-only.

  Args:
    num_parts: cubes of the object.
    name: of the hand, one of `NAMES`.

  Raises:
    UserError: there is no such hand; MuJoCo, or what holds the meshes, is not installed.
  """
  physics = _PHYSICS[str(fields.check('hand', name, str, NAMES))]
  mujoco = engine.import_mujoco()
  numbers = json.loads(
    importlib.resources.files('mese_env').joinpath('data/mpl_hand.json').read_text('utf-8')
  )
  spec = mujoco.MjSpec()
  spec.modelname = name
  spec.compiler.degree = False
  # A joint or tendon is limited only where it says so: MuJoCo would otherwise turn every range
  # into a limit, which the engine of the original data did not.
  spec.compiler.autolimits = False
  _set_options(mujoco, spec, physics)
  _set_optics(mujoco, spec)
  _add_blocks(mujoco, spec, num_parts)
  folder = meshes.folder() if physics.has_meshes else None
  _add_links(mujoco, spec, numbers['bodies'], folder)
  for first, second in numbers['contact_exclusions']:
    spec.add_exclude(bodyname1=first, bodyname2=second)
  _add_couplings(mujoco, spec, numbers['couplings'])
  _lock_pronation(mujoco, spec)
  _add_actuators(mujoco, spec, numbers['actuators'])
  _add_sensors(mujoco, spec)
  return spec.compile()


def scene_model(
  positions: np.ndarray, colours: np.ndarray, name: str = DEFAULT
) -> 'mujoco.MjModel':
  """Copies the compiled model and writes an object into it.

  Args:
    positions: (num_parts, 3), centres of the cubes in metres.
    colours: (num_parts, 3), red, green, blue in [0, 1].
    name: of the hand, one of `NAMES`.

  Raises:
    UserError: MuJoCo, or what holds the meshes, is not installed.
  """
  model = copy.copy(compiled_model(len(positions), name))
  for i, (position, colour) in enumerate(zip(positions, colours, strict=True)):
    model.body(f'block_{i}').pos[:] = position
    model.geom(f'block_{i}').rgba[:3] = colour
  return model


def num_parts(model: 'mujoco.MjModel') -> int:
  """Counts the cubes of a model from `scene_model`."""
  return int(np.sum(model.geom_group == BLOCK_GROUP))


def name_of(model: 'mujoco.MjModel') -> str:
  """Returns which hand a model from `scene_model` has, one of `NAMES`."""
  return model.names[: model.names.index(b'\0')].decode()


def substeps(model: 'mujoco.MjModel') -> int:
  """Counts the physics steps in a control step of a model from `scene_model`."""
  return round(CONTROL_PERIOD / model.opt.timestep)


def _set_options(mujoco: types.ModuleType, spec: Any, physics: _Physics) -> None:
  # Touch turns into nonsense under MuJoCo's defaults (pyramidal cones, looser tolerance).
  spec.option.timestep = physics.timestep
  spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
  spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
  spec.option.iterations = 50
  spec.option.tolerance = 1e-10
  spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
  spec.option.impratio = 1
  spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_MULTICCD
  if not physics.has_native_ccd:
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_NATIVECCD
  # Should a simulation ever blow up, its readings must be NaN and rejected, not those of a reset.
  spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET


def _set_optics(mujoco: types.ModuleType, spec: Any) -> None:
  spec.stat.extent = 1.0  # metres; fixed, so that clipping planes do not depend on the object
  spec.stat.center = (0, 0, 0)
  spec.visual.headlight.ambient = [lighting.HEADLIGHT_AMBIENT] * 3
  spec.visual.headlight.diffuse = [lighting.HEADLIGHT_DIFFUSE] * 3
  spec.visual.headlight.specular = [0] * 3
  spec.visual.map.znear = 0.05
  spec.visual.map.zfar = 5.0
  spec.worldbody.add_light(
    name='lamp',
    type=mujoco.mjtLightType.mjLIGHT_SPOT,
    pos=lighting.LAMP_POSITION,
    dir=(0, 0, -1),
    cutoff=lighting.LAMP_CUTOFF,
    exponent=lighting.LAMP_EXPONENT,
    ambient=[0] * 3,
    diffuse=[lighting.LAMP_DIFFUSE] * 3,
    specular=[lighting.LAMP_SPECULAR] * 3,
    castshadow=True,
  )
  spec.worldbody.add_camera(name='look', fovy=lighting.FIELD_OF_VIEW)


def _add_blocks(mujoco: types.ModuleType, spec: Any, num_parts: int) -> None:
  for i in range(num_parts):
    block = spec.worldbody.add_body(name=f'block_{i}')
    block.add_geom(
      name=f'block_{i}',
      type=mujoco.mjtGeom.mjGEOM_BOX,
      size=[shapes.HALF_EXTENT] * 3,
      condim=3,
      group=BLOCK_GROUP,
    )


def _add_links(
  mujoco: types.ModuleType,
  spec: Any,
  links: list[dict[str, Any]],
  folder: pathlib.Path | None,
) -> None:
  bodies = {
    'mocap': spec.worldbody.add_body(
      name='mocap', mocap=True, pos=HOME_POSITION, quat=HOME_QUATERNION
    )
  }
  for link in links:
    body = bodies[link['parent']].add_body(name=link['name'], pos=link['pos'], quat=link['quat'])
    bodies[link['name']] = body
    if 'inertial' in link:
      inertial = link['inertial']
      body.explicitinertial = True
      body.mass, body.inertia = inertial['mass'], inertial['diagonal']
      body.ipos, body.iquat = inertial['pos'], inertial['quat']
    if 'joint' in link:
      joint = link['joint']
      body.add_joint(
        name=joint['name'],
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=joint['axis'],
        range=joint['range'],
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        damping=joint['damping'],
        armature=_ARMATURE,
      )
    _add_shape(mujoco, spec, body, link, folder)
    for site in link.get('touch_sites', ()):
      body.add_site(type=mujoco.mjtGeom.mjGEOM_ELLIPSOID, group=4, **site)
    for site in link.get('imu_sites', ()):
      body.add_site(type=mujoco.mjtGeom.mjGEOM_BOX, group=4, **site)


def _add_shape(
  mujoco: types.ModuleType,
  spec: Any,
  body: Any,
  link: dict[str, Any],
  folder: pathlib.Path | None,
) -> None:
  shape = link['shape']
  look = {'group': HAND_GROUP, 'rgba': _HAND_COLOUR}
  mesh = None
  # The forearm, the one cylinder, has no mesh: it is no fit.
  if folder is not None and shape['type'] != 'cylinder':
    file = str(folder / f'{link["name"]}_left.stl')
    mesh = spec.add_mesh(name=link['name'], file=file, scale=meshes.MIRROR)
  elif shape['type'] == 'hull':
    mesh = spec.add_mesh(name=link['name'], uservert=np.ravel(shape['vertices']))
  if mesh is not None:
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh.name, **look, **_CONTACT)
    return
  kind = {
    'box': mujoco.mjtGeom.mjGEOM_BOX,
    'capsule': mujoco.mjtGeom.mjGEOM_CAPSULE,
    'cylinder': mujoco.mjtGeom.mjGEOM_CYLINDER,
  }[shape['type']]
  size = [*shape['size'], 0][:3]
  body.add_geom(type=kind, pos=shape['pos'], quat=shape['quat'], size=size, **look, **_CONTACT)


def _add_couplings(mujoco: types.ModuleType, spec: Any, couplings: list[dict[str, Any]]) -> None:
  for i, coupling in enumerate(couplings):
    tendon = spec.add_tendon(name=f'coupling_{i}')
    for joint, coefficient in zip(coupling['joints'], coupling['coefficients'], strict=True):
      tendon.wrap_joint(joint, coefficient)
    spec.add_equality(type=mujoco.mjtEq.mjEQ_TENDON, name1=tendon.name)
  half = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, name1='ring_ABD', name2='pinky_ABD')
  half.data[:5] = (0, 0.5, 0, 0, 0)


def _lock_pronation(mujoco: types.ModuleType, spec: Any) -> None:
  # The original engine held this joint by friction between forearm and wrist, a contact that
  # newer ones filter out; without a lock the wrist rolls by 0.4 rad under its own actuator.
  # As stiff as keeps |wrist_PRO| where the released data has it, below 0.009 rad.
  lock = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, name1='wrist_PRO', solref=(0.005, 1))
  lock.solimp[:3] = (0.99, 0.999, 0.001)
  lock.data[:5] = 0


def _add_actuators(mujoco: types.ModuleType, spec: Any, actuators: list[dict[str, Any]]) -> None:
  for row in actuators:
    actuator = spec.add_actuator(
      name=row['joint'],
      trntype=mujoco.mjtTrn.mjTRN_JOINT,
      target=row['joint'],
      ctrlrange=row['range'],
      ctrllimited=mujoco.mjtLimited.mjLIMITED_TRUE,
    )
    actuator.set_to_position(kp=_ACTUATOR_GAIN)


def _add_sensors(mujoco: types.ModuleType, spec: Any) -> None:
  for kind in sensors.KINDS:
    for part in sensors.parts_of(kind):
      spec.add_sensor(
        name=f'{kind}/{part}',
        type=getattr(mujoco.mjtSensor, f'mjSENS_{kind.upper()}'),
        objtype=_sensed_object(mujoco, kind),
        objname=part,
      )


def _sensed_object(mujoco: types.ModuleType, kind: str) -> Any:
  if kind.startswith('joint'):
    return mujoco.mjtObj.mjOBJ_JOINT
  if kind.startswith('actuator'):
    return mujoco.mjtObj.mjOBJ_ACTUATOR
  return mujoco.mjtObj.mjOBJ_SITE
