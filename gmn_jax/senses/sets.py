"""The paper's four sets of modalities, by name: m2, m5, m8, m14."""

import math

from gmn_jax.senses.modality import HapticCut, ImageCut, Modality
from mese_env import sensors
from mese_env.errors import UserError, nearest

# m8 and m14 see the centre 132 of the authors' 150 pixels, on a canvas of 48 pixels for images of
# 64.
_CENTRE_FIELD = 132 / 150

MODALITY_SETS = ('m2', 'm5', 'm8', 'm14')


def modality_set(
  name: str, image_size: int, haptic_channels: int = len(sensors.SENSOR_NAMES)
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
    near = nearest(name, MODALITY_SETS)
    raise UserError(
      f"unknown modality set '{name}'; did you mean '{near}'? There are {', '.join(MODALITY_SETS)}."
    )
  needed = 4 if name == 'm2' else 8
  if image_size <= 0 or image_size % needed:
    raise UserError(
      f"image_size is {image_size}, but modality set '{name}' needs a multiple of {needed}, "
      'so that every part of the image divides by four.'
    )
  if name == 'm2':
    return (
      _window('rgb', image_size, 'whole', 'whole'),
      haptics('haptic', range(haptic_channels)),
    )
  if name == 'm5':
    quarters = [
      (f'{side}-{level}', side, level) for side in ('left', 'right') for level in ('upper', 'lower')
    ]
    return (
      *(_window(part, image_size, level, side) for part, side, level in quarters),
      haptics('haptic', range(haptic_channels)),
    )
  if haptic_channels != len(sensors.SENSOR_NAMES):
    raise UserError(
      f"haptic_channels is {haptic_channels}, but modality set '{name}' halves the simulated "
      f"hand's {len(sensors.SENSOR_NAMES)}; use m2 or m5."
    )
  # Three quarters of the image's size; rounded up where a half of that would not divide by four.
  canvas = 8 * math.ceil(image_size * 3 / 32)
  levels = ('whole',) if name == 'm8' else ('upper', 'lower')
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
  cut = HapticCut(tuple(indices))
  return Modality(name, 'haptic', cut, (len(cut.indices),))


def _window(name, canvas, level, side, channels=(0, 1, 2), field=1.0) -> Modality:
  half = canvas // 2
  spans = {
    'whole': (0, canvas),
    'upper': (0, half), 'lower': (half, canvas),
    'left': (0, half), 'right': (half, canvas),
  }  # fmt: skip
  cut = ImageCut(canvas, rows=spans[level], columns=spans[side], channels=channels, field=field)
  height, width = (span[1] - span[0] for span in (cut.rows, cut.columns))
  return Modality(name, 'image', cut, (height, width, len(channels)))
