"""The 132 readings as a picture: a row of bars for each kind of sensor, a bar for each channel."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mese_env import sensors

# At which a bar fills its row; a firm grasp stays within. Units as `sensors.UNITS`.
_FULL = {
  'jointpos': 1.5,
  'jointvel': 1.5,
  'actuatorpos': 1.5,
  'actuatorvel': 1.5,
  'actuatorfrc': 8.0,
  'accelerometer': 20.0,
  'gyro': 4.0,
  'touch': 40.0,
}
_WORDS = {
  'jointpos': 'joint angles',
  'jointvel': 'joint velocities',
  'actuatorpos': 'motor angles',
  'actuatorvel': 'motor velocities',
  'actuatorfrc': 'motor torques',
  'accelerometer': 'accelerations',
  'gyro': 'turn rates',
  'touch': 'touch pads',
}
_BACKGROUND, _AXIS, _TEXT = (24, 24, 28), (70, 70, 78), (200, 200, 205)
_COLOURS = {
  'thumb': (240, 128, 60),
  'index': (90, 170, 250),
  'middle': (110, 210, 130),
  'ring': (240, 200, 80),
  'pinky': (200, 120, 240),
  'wrist': (160, 160, 170),
  'palm': (240, 90, 110),
}
_BAR_SHARE = 0.7  # of a channel's width


def draw(reading: np.ndarray, width: int, height: int) -> np.ndarray:
  """Draws a reading; what is negative goes down, and a bar's colour tells the finger.

  Args:
    reading: (132,), in the order of `sensors.SENSOR_NAMES`.
    width: pixels.
    height: pixels.

  Returns:
    uint8 (height, width, 3).
  """
  image = Image.new('RGB', (width, height), _BACKGROUND)
  pen = ImageDraw.Draw(image)
  font = ImageFont.load_default(max(8, height // 30))
  row, margin = height / (len(sensors.KINDS) + 1), width / 40
  for number, kind in enumerate(sensors.KINDS):
    top, full = number * row, _FULL[kind]
    label = f'{_WORDS[kind]}, up to {full:g} {sensors.UNITS[kind]}'
    pen.text((margin, top + 0.03 * row), label, _TEXT, font)
    is_signed = kind != 'touch'
    middle, reach = (0.69, 0.26) if is_signed else (0.95, 0.5)
    channels = sensors.channels(kind=kind)
    step = (width - 2 * margin) / len(channels)
    zero = top + middle * row
    pen.line((margin, zero, width - margin, zero), _AXIS)
    for place, channel in enumerate(channels):
      length = reach * row * float(np.clip(np.nan_to_num(reading[channel]) / full, -1, 1))
      left = margin + step * place
      top_end, bottom_end = min(zero, zero - length), max(zero, zero - length)
      colour = _COLOURS[sensors.finger_of(sensors.SENSOR_NAMES[channel])]
      pen.rectangle((left, top_end, left + _BAR_SHARE * step, bottom_end), colour)
  _write_legend(pen, font, (margin, len(sensors.KINDS) * row + 0.35 * row, width - margin))
  return np.asarray(image)


def _write_legend(pen: ImageDraw.ImageDraw, font: Any, place: tuple[float, float, float]) -> None:
  left, top, right = place
  step = (right - left) / len(_COLOURS)
  for number, (name, colour) in enumerate(_COLOURS.items()):
    pen.text((left + number * step, top), name, colour, font)
