"""The hand that grasps, drawn in the pose that its joint sensors tell: as felt and as imagined.

Dims: G grasps, K samples, D sensors, J joints.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments.figures import mosaic
from gmn_jax.senses import HAPTIC, Range
from mese_env import engine, grasp, hand, picture, poses, sensors
from mese_env.errors import UserError

_SIZE = 160  # pixels a side
_SHOWN = 2  # samples, at most
# From where the hand is looked at: in the wrist's own turn, a little from above.
_PITCH, _TURN = np.radians(-35), np.radians(60)


def draw(
  raw: dict[str, np.ndarray],
  truth_GD: np.ndarray,
  samples_KGD: np.ndarray,
  channels_D: np.ndarray,
  span: Range,
  title: str,
) -> Figure:
  """Draws grasps side by side: a row for the truth, one for each sample.

  Args:
    raw: a scene's grasps and object: its `hands` (G, 5), `positions` and `colours`.
    truth_GD: as felt, scaled.
    samples_KGD: as imagined, scaled.
    channels_D: which sensors these are, indices into the haptic vector.
    span: undoes the scaling.
    title: of the figure.

  Raises:
    UserError: MuJoCo is missing, a joint is not among the sensors, or the object is not known.
  """
  if 'positions' not in raw:
    raise UserError('the object is not known, so that no hand can be drawn at it.')
  joints_J = np.array(sensors.channels(kind='jointpos'))
  if not np.isin(joints_J, channels_D).all():
    raise UserError('the hand is drawn where all of its joints are sensed; ask for all haptics.')
  at_J = np.array([np.flatnonzero(channels_D == joint)[0] for joint in joints_J])
  own = span.pick(joints_J)
  rows = [
    mosaic.Row(name, _pictures(raw, np.asarray(HAPTIC.unscale(x[:, at_J], own))))
    for name, x in [
      ('truth', truth_GD),
      *((f'sample {k + 1}', sample) for k, sample in enumerate(samples_KGD[:_SHOWN])),
    ]
  ]
  heads = [f'grasp {g}' for g in range(len(truth_GD))]
  return mosaic.draw([[mosaic.Panel('', rows, heads)]], title, tile=1.0)


def _pictures(raw: dict[str, np.ndarray], angles_GJ: np.ndarray) -> np.ndarray:
  mujoco = engine.import_mujoco()
  model = hand.scene_model(np.float64(raw['positions']), np.float64(raw['colours']))
  data = mujoco.MjData(model)
  pictures = []
  for (*position, pitch, yaw), angles_J in zip(np.float64(raw['hands']), angles_GJ, strict=True):
    grasp.move_wrist(data, poses.wrist_pose(pitch, yaw)._replace(position=np.array(position)))
    for name, angle in zip(sensors.JOINTS, angles_J, strict=True):
      data.joint(name).qpos[0] = angle
    camera = poses.camera_pose(_PITCH, yaw + _TURN)
    pictures.append(picture.draw(model, data, camera, _SIZE) / 255)
  return np.stack(pictures)
