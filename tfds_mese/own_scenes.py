"""Scenes of one's own as the model reads them: square RGB images, and as many views of all senses.

A scene with fewer views is filled up with zeros, and `<sense>_there` says which views it has.

Dims: V views, H W image.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mese_env.errors import UserError
from tfds_mese.dataset import Scene, Scenes
from tfds_mese.own_checks import FLOATS, KINDS, check_headers
from tfds_mese.own_recordings import Header, Recordings


class Layout(NamedTuple):
  """What all scenes of a dataset have in common.

  Attributes:
    views: V, the most that a scene has of any sense.
    view_shapes: by name of an array the shape of one view; of images height and width. A sense that
      no scene has is not there.
    gaps: the `Kind.views` of the senses of which some scene has fewer than V views.
  """

  views: int
  view_shapes: Mapping[str, tuple[int, ...]]
  gaps: frozenset[str]


class OwnScenes(Scenes):
  """A split.

  Args:
    recordings: as stored.
    first_index: of the first scene.
    layout: of the dataset.
  """

  def __init__(self, recordings: Recordings, first_index: int, layout: Layout):
    self._recordings, self._first_index, self._layout = recordings, first_index, layout

  def __len__(self) -> int:
    return len(self._recordings)

  def _read(self, position: int) -> Scene:
    layout = self._layout
    with self._recordings.open(position) as recording:
      # Again, since a file may have been replaced since the folder was opened.
      counts, headers = check_headers(recording, layout.view_shapes)
      arrays = {name: recording.read(name) for name in headers}
    scene = {}
    for kind in KINDS:
      count, there = counts[kind.views], f'{kind.views}_there'
      if count > layout.views or (count < layout.views and kind.views not in layout.gaps):
        raise UserError(
          f'{recording.where} has {count} {kind.words}, unlike when the dataset was opened; put '
          'the former file back, or open the dataset again.'
        )
      if kind.views in layout.gaps:
        scene[there] = np.arange(layout.views) < count
      for name in {kind.views, kind.poses} & layout.view_shapes.keys():
        scene[name] = self._filled(name, arrays.get(name))
    # A number of NumPy's does what an array without dimensions does.
    return scene | {'index': np.int64(self._first_index + position)}  # pyright: ignore[reportReturnType]

  def _filled(self, name: str, array: np.ndarray | None) -> np.ndarray:
    shape, views = self._layout.view_shapes[name], self._layout.views
    if name in FLOATS:
      filled = np.zeros((views, *shape), np.float32)
    else:
      filled = np.zeros((views, min(shape), min(shape), 3), np.uint8)
    if array is not None:
      filled[: len(array)] = array if name in FLOATS else square_rgb(array)
    return filled


def square_rgb(images: np.ndarray) -> np.ndarray:
  """The centre square of images in RGB, uint8 (V, S, S, 3), S the shorter side.

  Args:
    images: uint8 (V, H, W) or (V, H, W, 1) in gray, (V, H, W, 2) with alpha, (V, H, W, 3) in RGB or
      (V, H, W, 4) with alpha; what is transparent lies on black.
  """
  if images.ndim == 3:
    images = images[..., None]
  height, width, channels = images.shape[1:]
  side = min(height, width)
  top, left = (height - side) // 2, (width - side) // 2
  images = images[:, top : top + side, left : left + side]
  if channels in (2, 4):
    alpha = images[..., -1:] / np.float32(255)
    images = np.rint(images[..., :-1] * alpha).astype(np.uint8)
  return images if images.shape[-1] == 3 else np.repeat(images, 3, axis=-1)


def conversions(header: Header) -> list[str]:
  """What `square_rgb` does to images like these, in words; nothing to square RGB images."""
  height, width = header.shape[1:3]
  channels = header.shape[3] if len(header.shape) == 4 else 1
  side, done = min(height, width), []
  if height != width:
    done.append(f'the centre {side} x {side} of {width} x {height} pixels is taken')
  if channels in (2, 4):
    done.append('what is transparent is laid on black')
  if channels < 3:
    done.append('gray becomes RGB')
  return done
