"""Sets of modalities by name; the paper's four come along: m2, m5, m8, m14."""

import math
from collections.abc import Callable

from gmn_jax.senses.haptic import HAPTIC
from gmn_jax.senses.image import IMAGE, ImageCut
from gmn_jax.senses.modality import Modality
from gmn_jax.senses.vector import VectorCut
from mese_env import sensors
from mese_env.errors import UserError, did_you_mean

# m8 and m14 see the centre 132 of the authors' 150 pixels, on a canvas of 48 pixels for images of
# 64.
_CENTRE_FIELD = 132 / 150
_SENSORS = len(sensors.SENSOR_NAMES)


def modality_set(
  name: str, image_size: int, haptic_channels: int = _SENSORS
) -> tuple[Modality, ...]:
  """The named set, cut from images of `image_size` pixels a side.

  Args:
    name: one of `MODALITY_SETS`.
    image_size: 64 in the paper; the image is resized to it before it is cut. Every modality's
      height and width must come out divisible by four.
    haptic_channels: length of the haptic vector; only m2 and m5 take another than the 132 of the
      simulated hand.

  Raises:
    UserError: for another name, or a size that cannot be cut.
  """
  if name not in MODALITY_SETS:
    raise UserError(f"unknown modality set '{name}'; {did_you_mean(name, MODALITY_SETS)}")
  return MODALITY_SETS[name](image_size, haptic_channels)


def _m2(image_size: int, haptic_channels: int) -> tuple[Modality, ...]:
  """The whole of both senses."""
  _require_size('m2', image_size, 4)
  return (
    _window('rgb', image_size, 'whole', 'whole'),
    haptics('haptic', range(haptic_channels)),
  )


def _m5(image_size: int, haptic_channels: int) -> tuple[Modality, ...]:
  """The quarters of the image, and the whole hand."""
  _require_size('m5', image_size, 8)
  quarters = [(side, level) for side in ('left', 'right') for level in ('upper', 'lower')]
  return (
    *(_window(f'{side}-{level}', image_size, level, side) for side, level in quarters),
    haptics('haptic', range(haptic_channels)),
  )


def _m8(image_size: int, haptic_channels: int) -> tuple[Modality, ...]:
  """The halves of every colour, and of the hand."""
  return _colours_and_halves('m8', ('whole',), image_size, haptic_channels)


def _m14(image_size: int, haptic_channels: int) -> tuple[Modality, ...]:
  """The quarters of every colour, and the halves of the hand."""
  return _colours_and_halves('m14', ('upper', 'lower'), image_size, haptic_channels)


# A set of one's own is entered here before it is asked for: of the image's size and the length of
# the haptic vector, its modalities.
MODALITY_SETS: dict[str, Callable[[int, int], tuple[Modality, ...]]] = {
  'm2': _m2,
  'm5': _m5,
  'm8': _m8,
  'm14': _m14,
}


def _colours_and_halves(
  name: str, levels: tuple[str, ...], image_size: int, haptic_channels: int
) -> tuple[Modality, ...]:
  _require_size(name, image_size, 8)
  if haptic_channels != _SENSORS:
    raise UserError(
      f"haptic_channels is {haptic_channels}, but modality set '{name}' halves the simulated "
      f"hand's {_SENSORS}; use m2 or m5."
    )
  # Three quarters of the image's size; rounded up where a half of that would not divide by four.
  canvas = 8 * math.ceil(image_size * 3 / 32)
  windows = tuple(
    _window(
      '-'.join([colour, side, *([] if level == 'whole' else [level])]),
      canvas,
      level,
      side,
      (channel,),
      _CENTRE_FIELD,
    )
    for channel, colour in enumerate(('red', 'green', 'blue'))
    for side in ('left', 'right')
    for level in levels
  )
  half_a, half_b = haptic_halves()
  return (*windows, haptics('haptic-a', half_a), haptics('haptic-b', half_b))


def _require_size(name: str, image_size: int, multiple: int) -> None:
  if image_size <= 0 or image_size % multiple:
    raise UserError(
      f"image_size is {image_size}, but modality set '{name}' needs a multiple of {multiple}, "
      'so that every part of the image divides by four.'
    )


def haptic_halves() -> tuple[tuple[int, ...], tuple[int, ...]]:
  """Channels of half A (thumb, index, middle) and half B (ring, pinky, touch, wrist), in the
  authors' order.
  """

  def moving(part: str) -> list[int]:
    return [
      i for i in sensors.channels(finger=part) if sensors.SENSOR_NAMES[i].split('/')[0] != 'touch'
    ]

  half_a = [i for finger in ('thumb', 'index', 'middle') for i in moving(finger)]
  half_b = [*moving('ring'), *moving('pinky'), *sensors.channels(kind='touch'), *moving('wrist')]
  return tuple(half_a), tuple(half_b)


def haptics(name: str, indices) -> Modality:
  """A haptic modality of the given channels."""
  cut = VectorCut(tuple(indices))
  return Modality(name, HAPTIC, cut, (len(cut.indices),))


def _window(name, canvas, level, side, channels=(0, 1, 2), field=1.0) -> Modality:
  half = canvas // 2
  spans = {
    'whole': (0, canvas),
    'upper': (0, half), 'lower': (half, canvas),
    'left': (0, half), 'right': (half, canvas),
  }  # fmt: skip
  cut = ImageCut(canvas, rows=spans[level], columns=spans[side], channels=channels, field=field)
  height, width = (span[1] - span[0] for span in (cut.rows, cut.columns))
  return Modality(name, IMAGE, cut, (height, width, len(channels)))
