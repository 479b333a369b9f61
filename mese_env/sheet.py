"""A contact sheet: one row of looks per scene."""

from collections.abc import Sequence

import numpy as np

MAGNIFICATION = 2
GUTTER = 2  # pixels between looks
GUTTER_SHADE = 64  # grey, so that black looks keep their borders


def contact_sheet(images: Sequence[np.ndarray]) -> np.ndarray:
  """Lays out looks, a row per scene, magnified, with grey gutters.

  Args:
    images: one uint8 (V, H, W, 3) per scene, all of one shape.

  Returns:
    uint8 (rows, columns, 3).
  """
  tiles = np.stack(images).repeat(MAGNIFICATION, axis=2).repeat(MAGNIFICATION, axis=3)
  border = ((0, 0), (0, 0), (GUTTER, 0), (GUTTER, 0), (0, 0))
  tiles = np.pad(tiles, border, constant_values=GUTTER_SHADE)
  num_scenes, num_looks, height, width, _ = tiles.shape
  sheet = tiles.transpose(0, 2, 1, 3, 4).reshape(num_scenes * height, num_looks * width, 3)
  return np.pad(sheet, ((0, GUTTER), (0, GUTTER), (0, 0)), constant_values=GUTTER_SHADE)
