"""One picture of all modalities that are pictures, each in its place on their canvas.

Dims: S side of the canvas, C channels.
"""

from collections.abc import Sequence

import numpy as np

from gmn_jax.senses import Modality

BLANK = 0.85  # the grey of what no modality shows


def compose(modalities: Sequence[Modality], senses: Sequence[np.ndarray | None]) -> np.ndarray:
  """Puts image modalities together.

  Args:
    modalities: the M modalities; those drawn as bars are passed over.
    senses: of each, (..., H, W, C) with the same leading dims, any values; or None: not shown. At
      least one image modality is shown.

  Returns:
    (..., S, S, 3) in [0, 1]; a channel that is not shown is 0, a pixel without any is `BLANK`.
  """
  shown = [
    (m.cut, np.asarray(sense))
    for m, sense in zip(modalities, senses, strict=True)
    if m.sense.drawn_as_pixels and sense is not None
  ]
  lead, side = shown[0][1].shape[:-3], shown[0][0].canvas
  canvas = np.zeros((*lead, side, side, 3), np.float32)
  known = np.zeros((side, side, 3), bool)
  for cut, sense in shown:
    for i, channel in enumerate(cut.channels):
      place = slice(*cut.rows), slice(*cut.columns), channel
      canvas[(..., *place)] = sense[..., i]
      known[place] = True
  canvas[..., ~known.any(axis=-1), :] = BLANK
  return np.clip(canvas, 0, 1)
