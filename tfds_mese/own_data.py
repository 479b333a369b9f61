"""Data of one's own: a folder of `.npz` scenes, or arrays in memory, checked before they are used.

A scene holds looks and grasps from any poses:

images   uint8 (looks, H, W, 3), RGB, 0 to 255; any sides H and W of at least 8 pixels
cameras  (looks, 5), the camera of each look: x y z in metres, pitch and yaw in radians
haptics  (grasps, D), any D sensors of each grasp, in any unit
hands    (grasps, 5), the hand of each grasp, as for cameras

H, W and D are the same for all scenes. The numbers of looks and grasps may differ, from each other
and between scenes, and a scene may lack either. `docs/own_data.md` is a recipe.
"""

import collections
import hashlib
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mese_env.errors import UserError, did_you_mean
from tfds_mese import configs
from tfds_mese.dataset import Dataset
from tfds_mese.own_checks import FLOATS, KINDS, NAMES, check_headers, check_numbers, view_shape
from tfds_mese.own_ranges import Extremes
from tfds_mese.own_recordings import Arrays, Files, Header, Recordings, files_of
from tfds_mese.own_scenes import Layout, OwnScenes, conversions

_NEEDED = ('train', 'val')


def open_folder(folder: os.PathLike | str) -> Dataset:
  """Opens `folder/train/*.npz`, `folder/val/*.npz` and, where there is one, `folder/test/*.npz`.

  Each file is a scene; their order is that of their names, and hidden files are no scenes. Of every
  file the poses and haptics are read and checked, of the images only shape and type. What is
  converted or missing is said on stderr.

  Raises:
    UserError: a folder or a file is missing, damaged or not as described above; the message names
      the file, the array and the remedy.
  """
  root = pathlib.Path(folder).expanduser()
  if not os.path.isdir(root):
    raise UserError(
      f'there is no folder {root}; --config.dataset with a slash is a folder of scenes, and '
      'without one the name of a built dataset.'
    )
  recordings = {}
  for split in configs.SPLITS:
    files = files_of(root / split)
    if files:
      recordings[split] = Files(files)
    elif split in _NEEDED:
      raise UserError(
        f'{root / split} holds no .npz file; a folder of scenes has its training scenes in train '
        'and its validation scenes in val, one file each.'
      )
  return _open(recordings, str(root))


def from_arrays(splits: Mapping[str, Mapping[str, Sequence[Any] | np.ndarray]]) -> Dataset:
  """A dataset of arrays in memory.

  Args:
    splits: for 'train', 'val' and perhaps 'test' the arrays described above, of all scenes: stacked
      over them, as in images (scenes, looks, H, W, 3); or where scenes have unequal numbers of
      views a list with an array for each, and None for a scene that lacks them.

  Raises:
    UserError: a split or an array is missing, or not as described above.
  """
  for split in splits:
    if split not in configs.SPLITS:
      raise UserError(f"there is no split '{split}'; {did_you_mean(split, configs.SPLITS)}")
  for split in _NEEDED:
    if split not in splits:
      raise UserError(f"the split '{split}' is missing; give at least train and val.")
  recordings = {}
  for split, given in splits.items():
    if not isinstance(given, Mapping):
      raise UserError(f'{split} is no dictionary of arrays; give one, with {", ".join(NAMES)}.')
    columns = {name: given[name] for name in NAMES if name in given}
    lengths = {name: _length(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1 or not max(lengths.values()):
      counts = ', '.join(f'{count} {name}' for name, count in lengths.items()) or 'no'
      raise UserError(
        f'the arrays of {split} hold {counts} scenes; give as many, and at least one, of each.'
      )
    recordings[split] = Arrays(split, columns)
  return _open(recordings, 'the dataset')


def _open(recordings: Mapping[str, Recordings], called: str) -> Dataset:
  """Checks every scene, and says on stderr what becomes of those that are not as the model reads
  them.
  """
  survey = _Survey()
  for split, of_split in recordings.items():
    survey.add(split, of_split)
  for line in survey.remarks():
    print(f'{called}: {line}', file=sys.stderr)
  layout = survey.layout()
  sources = {
    split: OwnScenes(of_split, _first_index(split), layout)
    for split, of_split in recordings.items()
  }
  ranges = {'haptic': survey.haptics.scaling()} if 'haptics' in layout.view_shapes else {}
  return Dataset(sources, ranges, {}, survey.identity | {'ranges': _word_for(ranges)})


class _Survey:
  """What is found on the way through all scenes of a dataset, split by split, train first."""

  def __init__(self):
    self.haptics = Extremes()
    self._shapes: dict[str, tuple[int, ...]] = {}
    self._counts: dict[str, list[int]] = {kind.views: [] for kind in KINDS}
    self._converted = collections.Counter()
    self.identity: dict[str, Any] = {}

  def add(self, split: str, recordings: Recordings) -> None:
    digest = hashlib.blake2b(digest_size=8)
    for position in range(len(recordings)):
      with recordings.open(position) as recording:
        counts, headers = check_headers(recording, self._shapes)
        floats = {name: recording.read(name) for name in FLOATS if name in headers}
        check_numbers(recording.where, floats)
        content = [f'{name} {recording.content(name)}' for name in headers]
      digest.update('\n'.join([recordings.name(position), *content, '']).encode())
      if split != 'train':
        self._require_trained(recording.where, headers)
      elif 'haptics' in floats:
        self.haptics.add(floats['haptics'])
      for name, header in headers.items():
        self._shapes.setdefault(name, view_shape(name, header))
      for name, count in counts.items():
        self._counts[name].append(count)
      if 'images' in headers:
        self._converted.update(conversions(headers['images']))
    self.identity[f'scenes of {split}'] = len(recordings)
    self.identity[f'content of {split}'] = digest.hexdigest()

  def layout(self) -> Layout:
    views = max(max(counts) for counts in self._counts.values())
    gaps = frozenset(name for name, counts in self._counts.items() if min(counts) < views)
    return Layout(views, self._shapes, gaps)

  def remarks(self) -> Iterator[str]:
    """Sentences about what is not as the model reads it."""
    scenes = len(self._counts['images'])
    for what, count in self._converted.items():
      yield f'in {count} of {scenes} scenes {what} (docs/own_data.md).'
    if self.layout().gaps:
      spans = []
      for kind in KINDS:
        least, most = min(self._counts[kind.views]), max(self._counts[kind.views])
        spans.append(f'{least} to {most} {kind.words}' if least < most else f'{most} {kind.words}')
      yield f'scenes have {" and ".join(spans)}; views that a scene lacks are left out of training.'
    if lost := self.haptics.lost():
      yield (
        f'over train, the sensors {", ".join(map(str, lost))} of haptics vary by less than float32 '
        'resolves beside their size, and count as constant; subtract their means.'
      )

  def _require_trained(self, where: str, headers: Mapping[str, Header]) -> None:
    for kind in KINDS:
      if kind.views in headers and kind.views not in self._shapes:
        raise UserError(
          f'{where} has {kind.words}, and no scene of train has any; give some to train, or leave '
          f'{kind.views} and {kind.poses} out.'
        )


def _word_for(ranges: Mapping[str, Sequence[np.ndarray]]) -> str:
  digest = hashlib.blake2b(digest_size=8)
  for name, span in ranges.items():
    digest.update(b''.join([name.encode(), *(end.tobytes() for end in span)]))
  return digest.hexdigest()


def _length(column: Any) -> int:
  try:
    return len(column)
  except TypeError:  # A number, or an array without dimensions.
    return 0


def _first_index(split: str) -> int:
  # As in built datasets: no two scenes share what is drawn by their index.
  return configs.SPLITS.index(split) * configs.INDEX_STRIDE
