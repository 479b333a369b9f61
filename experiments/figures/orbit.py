"""An imagined object seen on the way around it, beside the true one, as an animated GIF."""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

_SIDE = 160  # pixels of a picture, about
_HEAD = 14  # pixels of the line of names
_SECONDS = 4.0  # once around


def save(path: pathlib.Path, names: Sequence[str], films: Sequence[np.ndarray]) -> None:
  """Writes films that play side by side, each under its name, in an endless loop.

  Args:
    path: where to write.
    names: of the films; ASCII.
    films: each (frames, S, S, 3) in [0, 1], equally many frames.
  """
  factor = max(1, round(_SIDE / films[0].shape[1]))
  frames = [_frame(names, [film[i] for film in films], factor) for i in range(len(films[0]))]
  frames[0].save(
    path,
    format='GIF',
    save_all=True,
    append_images=frames[1:],
    duration=round(1000 * _SECONDS / len(frames)),
    loop=0,
  )


def _frame(names: Sequence[str], pictures: Sequence[np.ndarray], factor: int) -> Image.Image:
  side = pictures[0].shape[0] * factor
  frame = Image.new('RGB', (side * len(pictures), side + _HEAD), 'white')
  pen = ImageDraw.Draw(frame)
  for i, (name, picture) in enumerate(zip(names, pictures, strict=True)):
    pixels = np.uint8(np.round(picture * 255)).repeat(factor, axis=0).repeat(factor, axis=1)
    frame.paste(Image.fromarray(pixels), (i * side, _HEAD))
    pen.text((i * side + 3, 1), name, fill='black')
  return frame
