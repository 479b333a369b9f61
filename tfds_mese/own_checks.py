"""What a scene of one's own must be: every other one is refused with a sentence."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mese_env.errors import UserError
from tfds_mese.own_recordings import Header, Recording


class Kind(NamedTuple):
  """A sense as scenes of one's own hold it.

  Attributes:
    views: the array of its views.
    poses: the array of their poses.
    words: the plural of a view.
  """

  views: str
  poses: str
  words: str


KINDS = (Kind('images', 'cameras', 'images'), Kind('haptics', 'hands', 'grasps'))
NAMES = tuple(name for kind in KINDS for name in (kind.views, kind.poses))
# Numbers whose units are checked; images are bytes.
FLOATS = ('cameras', 'haptics', 'hands')

_SHAPES = {
  'images': '(views, height, width, 3)',
  'cameras': '(views, 5)',
  'haptics': '(views, sensors)',
  'hands': '(views, 5)',
}
_SMALLEST_IMAGE = 8
# Of gray images, which may leave the axis out; of gray with alpha, RGB and RGBA.
_CHANNELS = (1, 2, 3, 4)
# Beyond these, a number was most likely written in another unit.
_FARTHEST_METRES = 100.0
_LARGEST_RADIANS = 4 * math.pi
# Differences of larger numbers come near the end of float32, and sums of their squares beyond it.
_LARGEST = 1e15


def check_headers(
  recording: Recording, expected: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, int], dict[str, Header]]:
  """Refuses arrays that are not of the shapes and types described in `own_data`.

  Args:
    recording: the scene.
    expected: by name the shape of a view in the scenes before; of images height and width.

  Returns:
    By `Kind.views` how many views the scene has, 0 where it lacks the sense; and the headers of the
    arrays that it has.

  Raises:
    UserError: names the scene, the array and the remedy.
  """
  where, found = recording.where, recording.names
  _require_pairs(where, found)
  headers = {name: recording.header(name) for name in NAMES if name in found}
  for name, header in headers.items():
    if not _is_empty(header):
      _check_array(where, name, header)
  counts = {}
  for kind in KINDS:
    of = {n: headers[n].shape[0] for n in (kind.views, kind.poses) if n in headers}
    if len(set(of.values())) > 1:
      raise UserError(
        f'{where} has {_listed(of)}; give a pose for each view, in the order of the views.'
      )
    counts[kind.views] = max(of.values(), default=0)
  if not any(counts.values()):
    raise UserError(
      f'{where} has no view at all; give it images and cameras, or haptics and hands, or leave it '
      'out.'
    )
  headers = {name: header for name, header in headers.items() if not _is_empty(header)}
  for name, header in headers.items():
    if name in expected and view_shape(name, header) != expected[name]:
      raise UserError(
        f'{where}: a view of {name} is {view_shape(name, header)}, and {expected[name]} in the '
        'scenes before; all scenes must have as many sensors, and images of one size.'
      )
  return counts, headers


def view_shape(name: str, header: Header) -> tuple[int, ...]:
  """The shape of one view; of images height and width."""
  return header.shape[1:3] if name == 'images' else header.shape[1:]


def check_numbers(where: str, floats: Mapping[str, np.ndarray]) -> None:
  """Refuses numbers that are not finite or too large, and poses in other units.

  Raises:
    UserError: names the scene, the array and the remedy.
  """
  for name, array in floats.items():
    with np.errstate(over='ignore'):  # What overflows is found to be infinite.
      rounded = np.abs(array.astype(np.float32))
    for wrong, rule in (
      (~np.isfinite(rounded), 'every number must be finite in float32: leave the scene out, or'
                              ' repair it.'),
      (rounded > _LARGEST, f'beyond {_LARGEST:g} numbers cannot be scaled in float32: give them in'
                           ' a larger unit.'),
    ):  # fmt: skip
      if wrong.any():
        view, column = np.argwhere(wrong)[0]
        raise UserError(f'{where}: {name}[{view}, {column}] is {array[view, column]}; {rule}')
  for name in {'cameras', 'hands'} & floats.keys():
    for columns, unit, limit in ((slice(3), 'metres', _FARTHEST_METRES),
                                 (slice(3, 5), 'radians', _LARGEST_RADIANS)):  # fmt: skip
      largest = float(np.abs(floats[name][:, columns].astype(np.float64)).max())
      if largest > limit:
        raise UserError(
          f'{where}: {name} is x y z in metres, pitch and yaw in radians, but one of its {unit} is '
          f'{largest:g}, beyond {limit:.4g}; convert it.'
        )


def _require_pairs(where: str, found: Sequence[str]) -> None:
  for kind in KINDS:
    for name, other in ((kind.views, kind.poses), (kind.poses, kind.views)):
      if name not in found and (other in found or not set(NAMES) & set(found)):
        there = ', '.join(found) or 'nothing'
        raise UserError(
          f"{where} has no array '{name}' but {there}; it needs {name} {_SHAPES[name]}."
        )


def _check_array(where: str, name: str, header: Header) -> None:
  shape, dtype = header
  if dtype.kind == 'O':
    raise UserError(
      f'{where}: {name} is object, rows of several lengths or None; give real numbers in one array,'
      f' or leave {name} and its poses out of a scene without such views.'
    )
  if name == 'images' and dtype != np.uint8:
    raise UserError(
      f'{where}: images is {dtype}; it must be uint8 from 0 to 255: of floats from 0 to 1 save '
      '(255 * images).round().astype(np.uint8).'
    )
  if name != 'images' and dtype.kind not in 'fiu':
    raise UserError(f'{where}: {name} is {dtype}; it must be real numbers, such as float32.')
  if name == 'images':
    fits = len(shape) == 3 or (len(shape) == 4 and shape[3] in _CHANNELS)
    fits = fits and min(shape[1:3]) >= _SMALLEST_IMAGE
    least = f', with sides of at least {_SMALLEST_IMAGE} pixels; gray, with alpha or not, is taken'
  else:
    fits = len(shape) == 2 and 0 not in shape and (name == 'haptics' or shape[1] == 5)
    least = ''
  if not fits:
    raise UserError(f'{where}: {name} is {shape}; it must be {_SHAPES[name]}{least}.')


def _is_empty(header: Header) -> bool:
  return header.shape[:1] == (0,)


def _listed(counts: Mapping[str, int]) -> str:
  return ', '.join(f'{count} {name}' for name, count in counts.items())
