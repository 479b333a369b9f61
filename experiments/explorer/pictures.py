"""Pictures of a belief: imagined beside true, and the strip of mean, deviation and samples.

Dims: K samples, Q cameras, S side of an image.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from experiments.explorer.studio import Glance
from experiments.explorer.things import STRIP

BACKGROUND, TEXT, EYE = (20, 22, 26), (205, 208, 214), (255, 200, 0)
_GAP = 6  # pixels between pictures
_SHOWN_SAMPLES = 3
_CONTRAST = 4  # by which deviations, mostly small, are brightened


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
  """The one that comes with pillow."""
  return ImageFont.load_default(size)


def enlarge(image: np.ndarray, side: int) -> np.ndarray:
  """A square image of another size, uint8 (side, side, 3).

  Args:
    image: uint8, or floats about in [0, 1], (S, S, 3); NaN is grey.
    side: pixels.
  """
  if image.dtype != np.uint8:
    image = np.round(255 * np.clip(np.nan_to_num(image, nan=0.3), 0, 1)).astype(np.uint8)
  return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def side_by_side(glance: Glance, side: int = 232) -> np.ndarray:
  """What is imagined from the eye beside the truth, labelled, uint8."""
  titles = 'imagined from the eye', 'truth from the eye'
  pictures = [enlarge(glance.imagined.mean(axis=0), side), enlarge(glance.truth, side)]
  size = max(12, side // 16)
  canvas = Image.new('RGB', (2 * side + _GAP, side + 2 * size), BACKGROUND)
  pen = ImageDraw.Draw(canvas)
  for number, (title, picture) in enumerate(zip(titles, pictures, strict=True)):
    left = number * (side + _GAP)
    pen.text((left + 2, size // 4), title, EYE if number == 0 else TEXT, font(size))
    canvas.paste(Image.fromarray(picture), (left, 2 * size))
  return np.asarray(canvas)


def strip(around: np.ndarray, side: int = 52) -> np.ndarray:
  """Rows of the mean, the deviation and some samples; columns of eight cameras, uint8.

  Args:
    around: (K, Q, S, S, 3), from `things.AROUND`.
    side: pixels of each.
  """
  views = around[:, :STRIP]
  rows = {
    'mean': views.mean(axis=0),
    f'deviation x {_CONTRAST}': _CONTRAST * views.std(axis=0),
    **{f'sample {k + 1}': views[k] for k in range(min(_SHOWN_SAMPLES, len(views)))},
  }
  size = 12
  height = side + size + 5
  canvas = Image.new('RGB', (STRIP * side, len(rows) * height), BACKGROUND)
  pen = ImageDraw.Draw(canvas)
  for number, (title, images) in enumerate(rows.items()):
    pen.text((2, number * height), title, TEXT, font(size))
    row = np.concatenate([enlarge(image, side) for image in images], axis=1)
    canvas.paste(Image.fromarray(row), (0, number * height + size + 3))
  return np.asarray(canvas)


def beside(pictures: Sequence[np.ndarray], gap: int = _GAP) -> np.ndarray:
  """Pictures of one height in a row."""
  height = pictures[0].shape[0]
  space = np.full((height, gap, 3), BACKGROUND, np.uint8)
  parts = [part for picture in pictures for part in (space, picture)][1:]
  return np.concatenate(parts, axis=1)
