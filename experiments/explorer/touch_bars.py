"""What a hand feels as 132 bars, finger by finger: felt against imagined, with its deviation.

Dims: K samples, D sensors.
"""

import numpy as np
from PIL import Image, ImageDraw

from experiments.explorer.pictures import BACKGROUND, font
from experiments.explorer.studio import Touched
from mese_env import sensors

_COLOURS = {
  'thumb': (240, 128, 60),
  'index': (90, 170, 250),
  'middle': (110, 210, 130),
  'ring': (240, 200, 80),
  'pinky': (200, 120, 240),
  'wrist': (160, 160, 170),
  'palm': (240, 90, 110),
}
_ROWS = (('thumb', 'index'), ('middle', 'ring'), ('pinky', 'wrist', 'palm'))
_AXIS, _IMAGINED = (60, 64, 72), (255, 255, 255)
_WIDTH, _HEIGHT, _TITLE = 470, 92, 14  # pixels, of a row and of its titles


def draw(touched: Touched) -> np.ndarray:
  """Three rows of bars, uint8; a bar is what is felt, a white mark what is imagined.

  The height of a bar is the share of the way from the smallest to the largest reading in training.
  """
  span = np.maximum(touched.high - touched.low, 1e-6)
  imagined = np.clip((touched.imagined - touched.low) / span, 0, 1)
  mean, deviation = np.nanmean(imagined, axis=0), np.nanstd(imagined, axis=0)
  felt = None if touched.felt is None else np.clip((touched.felt - touched.low) / span, 0, 1)
  canvas = Image.new('RGB', (_WIDTH, len(_ROWS) * (_HEIGHT + _TITLE)), BACKGROUND)
  pen = ImageDraw.Draw(canvas)
  for number, fingers in enumerate(_ROWS):
    top = number * (_HEIGHT + _TITLE)
    groups = [sensors.channels(finger=finger) for finger in fingers]
    step = _WIDTH / (sum(map(len, groups)) + len(groups) - 1)
    left = 0.0
    for finger, channels in zip(fingers, groups, strict=True):
      pen.text((left, top), finger, _COLOURS[finger], font(11))
      for channel in channels:
        bar = None if felt is None else felt[channel]
        _bar(pen, (left, top + _TITLE), step, bar, (mean[channel], deviation[channel], finger))
        left += step
      left += step
  return np.asarray(canvas)


def caption(touched: Touched) -> str:
  """What the bars show, in a sentence."""
  if touched.felt is None:
    return 'White: imagined ± deviation. A hand from the eye would press too hard to be felt.'
  return 'Bars: what a hand from the eye feels. White: imagined ± deviation over the samples.'


def _bar(
  pen: ImageDraw.ImageDraw,
  place: tuple[float, float],
  step: float,
  felt: float | None,
  imagined: tuple[float, float, str],
) -> None:
  left, top = place
  mean, deviation, finger = imagined
  floor, tall = top + _HEIGHT - 4, _HEIGHT - 10
  pen.line((left, floor, left + step, floor), _AXIS)
  if felt is not None:
    pen.rectangle((left, floor - tall * felt, left + 0.7 * step, floor), _COLOURS[finger])
  if np.isfinite(mean):
    middle = left + 0.35 * step
    low, high = np.clip([mean - deviation, mean + deviation], 0, 1)
    pen.line((middle, floor - tall * high, middle, floor - tall * low), _IMAGINED)
    level = floor - tall * mean
    pen.line((left - 0.1 * step, level, left + 0.8 * step, level), _IMAGINED, 2)
