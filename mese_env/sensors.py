"""The 132 haptic channels: their names, in the order in which a grasp stores them.

A name is `kind/part` or, for the two inertial kinds, `kind/part/axis`. The part begins with the
finger (`thumb`, `index`, `middle`, `ring`, `pinky`) or with `wrist` or `palm`, so that any group
of channels follows from the names: `channels(finger='thumb')`, `channels(kind='touch')`.
Order and parts are those of the JHU/APL hand as the MESE authors used it.
"""

import functools

from mese_env.errors import UserError, did_you_mean, nearest

FINGERS = ('thumb', 'index', 'middle', 'ring', 'pinky')

JOINTS = (
    'wrist_PRO', 'wrist_UDEV', 'wrist_FLEX',
    'thumb_ABD', 'thumb_MCP', 'thumb_PIP', 'thumb_DIP',
    'index_ABD', 'index_MCP', 'index_PIP', 'index_DIP',
    'middle_MCP', 'middle_PIP', 'middle_DIP',
    'ring_ABD', 'ring_MCP', 'ring_PIP', 'ring_DIP',
    'pinky_ABD', 'pinky_MCP', 'pinky_PIP', 'pinky_DIP',
)  # fmt: skip

ACTUATED_JOINTS = (
    'wrist_PRO', 'wrist_UDEV', 'wrist_FLEX',
    'thumb_ABD', 'thumb_MCP', 'thumb_PIP', 'thumb_DIP',
    'index_ABD', 'index_MCP', 'middle_MCP', 'ring_MCP', 'pinky_ABD', 'pinky_MCP',
)  # fmt: skip

INERTIAL_SITES = tuple(f'{finger}_IMU' for finger in FINGERS)

TOUCH_SITES = (
    'palm_thumb', 'palm_pinky', 'palm_side', 'palm_back',
    *(f'{finger}_{link}' for finger in FINGERS for link in ('proximal', 'medial', 'distal')),
)  # fmt: skip

# Kind, parts in order, and the physical unit of its channels.
_KINDS = {
  'jointpos': (JOINTS, 'rad'),
  'jointvel': (JOINTS, 'rad/s'),
  'actuatorpos': (ACTUATED_JOINTS, 'rad'),
  'actuatorvel': (ACTUATED_JOINTS, 'rad/s'),
  'actuatorfrc': (ACTUATED_JOINTS, 'N m'),
  'accelerometer': (INERTIAL_SITES, 'm/s^2'),
  'gyro': (INERTIAL_SITES, 'rad/s'),
  'touch': (TOUCH_SITES, 'N'),
}

# What an environment's observations are cut to, in the units of the kind: some times the largest
# that grasps were seen to give. Of touch it is what a grasp is rejected by.
RANGES = {
  'jointpos': (-3.2, 3.2),
  'jointvel': (-100.0, 100.0),
  'actuatorpos': (-3.2, 3.2),
  'actuatorvel': (-100.0, 100.0),
  'actuatorfrc': (-40.0, 40.0),
  'accelerometer': (-1000.0, 1000.0),
  'gyro': (-200.0, 200.0),
  'touch': (0.0, 150.0),
}

KINDS = tuple(_KINDS)
_OWNERS = (*FINGERS, 'wrist', 'palm')
UNITS = {kind: unit for kind, (_, unit) in _KINDS.items()}
SITE_AXES = ('x', 'y', 'z')  # channels of an accelerometer or a gyro


def parts_of(kind: str) -> tuple[str, ...]:
  """Returns the joints, actuated joints or sites that a kind of sensor reads, in order.

  Raises:
    UserError: there is no such kind.
  """
  _check('kind', kind, KINDS)
  return _KINDS[kind][0]


def _names() -> tuple[str, ...]:
  names = []
  for kind, (parts, _) in _KINDS.items():
    axes = SITE_AXES if kind in ('accelerometer', 'gyro') else (None,)
    names += [f'{kind}/{part}' + (f'/{axis}' if axis else '') for part in parts for axis in axes]
  return tuple(names)


SENSOR_NAMES = _names()


def kind_of(name: str) -> str:
  """Returns the kind of a channel, one of `KINDS`.

  Raises:
    UserError: there is no such channel.
  """
  _check('name', name, SENSOR_NAMES)
  return name.split('/', maxsplit=1)[0]


def finger_of(name: str) -> str:
  """Returns whose channel it is: one of `FINGERS`, 'wrist' or 'palm'.

  Raises:
    UserError: there is no such channel.
  """
  _check('name', name, SENSOR_NAMES)
  return name.split('/')[1].split('_', maxsplit=1)[0]


@functools.cache
def channels(*, kind: str | None = None, finger: str | None = None) -> tuple[int, ...]:
  """Lists, in increasing order, the channels of one kind and/or one finger.

  Args:
    kind: one of `KINDS`, or None for every kind.
    finger: one of `FINGERS`, 'wrist' or 'palm', or None for all.

  Raises:
    UserError: there is no such kind or finger.
  """
  for what, given, known in (('kind', kind, KINDS), ('finger', finger, _OWNERS)):
    if given is not None:
      _check(what, given, known)
  return tuple(
    i
    for i, name in enumerate(SENSOR_NAMES)
    if kind in (None, kind_of(name)) and finger in (None, finger_of(name))
  )


def _check(what: str, given: str, known: tuple[str, ...]) -> None:
  if given not in known:
    # All names would be no sentence.
    near = did_you_mean(str(given), known) if known != SENSOR_NAMES else _nearest_name(str(given))
    raise UserError(f'no sensor has the {what} {given!r}: {near}')


def _nearest_name(given: str) -> str:
  return f"did you mean '{nearest(given, SENSOR_NAMES)}'? `sensors.SENSOR_NAMES` lists them."
