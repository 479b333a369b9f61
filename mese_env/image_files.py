"""Pictures and films as files, each written whole or not at all."""

import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from mese_env import folders
from mese_env.errors import UserError

_REMEDY = 'name a file in a writable folder with --out.'


def require_place(path: pathlib.Path, suffix: str) -> None:
  """Refuses a file that cannot be made, before anything is drawn.

  Args:
    path: of the file.
    suffix: that its name is to have, as in '.png'.

  Raises:
    UserError: it has another one, its folder is not there, or cannot be written.
  """
  if path.suffix.lower() != suffix:
    named = path.with_suffix(suffix) if path.name else f'picture{suffix}'
    raise UserError(
      f"what is written is {suffix[1:].upper()}, and '{path}' does not end in {suffix}; give "
      f'--out={named}.'
    )
  folders.require_writable(path.parent, 'give another --out.')
  if not path.parent.is_dir():
    raise UserError(f'{path} cannot be written (no such folder); {_REMEDY}')


def write_png(picture: np.ndarray, path: str | pathlib.Path) -> None:
  """Writes a picture.

  Args:
    picture: uint8 (rows, columns, 3).
    path: of the file, in a folder that exists; a file already there is replaced.

  Raises:
    UserError: the file cannot be written.
  """
  encoded = io.BytesIO()
  Image.fromarray(picture).save(encoded, format='PNG')
  _write(encoded.getvalue(), pathlib.Path(path))


def write_gif(
  frames: Sequence[np.ndarray],
  path: str | pathlib.Path,
  frame_ms: int,
  last_ms: int,
  dither: bool = False,
) -> None:
  """Writes a film that repeats for ever.

  Args:
    frames: uint8 (rows, columns, 3) each, all of one shape.
    path: of the file, in a folder that exists; a file already there is replaced.
    frame_ms: milliseconds for which a frame is shown; viewers know multiples of 10.
    last_ms: the same of the last frame.
    dither: whether colours that the palette lacks are mixed of dots: what fades has no edges then,
      and the file is half as large again.

  Raises:
    UserError: the file cannot be written.
  """
  # One palette for all frames: of its own, each would flicker.
  palette = Image.fromarray(np.concatenate(list(frames[:: max(1, len(frames) // 4)])))
  palette = palette.quantize(256)
  mixed = Image.Dither.FLOYDSTEINBERG if dither else Image.Dither.NONE
  images = [Image.fromarray(frame).quantize(palette=palette, dither=mixed) for frame in frames]
  encoded = io.BytesIO()
  images[0].save(
    encoded,
    format='GIF',
    save_all=True,
    append_images=images[1:],
    duration=[*[frame_ms] * (len(images) - 1), last_ms],
    loop=0,
  )
  _write(encoded.getvalue(), pathlib.Path(path))


def _write(encoded: bytes, path: pathlib.Path) -> None:
  partial = path.parent / f'{path.name}.{os.getpid()}.partial'
  try:
    partial.write_bytes(encoded)
    os.replace(partial, path)
  except OSError as error:
    if partial.is_file():
      partial.unlink()
    raise UserError(f'{path} cannot be written ({error.strerror}); {_REMEDY}') from error
