"""What a user gives and gets: whole views and poses as NumPy arrays, checked, in the user's units.

Dims: K samples, Q queries, H W C image, D numbers of a vector.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from gmn_jax.senses import Modality, Ranges, Sense, Views, cut_scenes, embed_query, senses_of
from gmn_jax.training.run import Run
from mese_env.errors import UserError, did_you_mean

# Beyond these a pose is not in metres and radians.
_FARTHEST, _LARGEST_ANGLE = 1e3, 4 * np.pi
# How far outside of [0, 1] pixels may be, as those are that a model imagines.
_LOWEST, _HIGHEST = -1.0, 2.0
# As many half spans from the middle of its range a sensor is in another unit.
_FARTHEST_SCALED = 100.0


class Asked(NamedTuple):
  """A sense, or one part of it, that a user names.

  Attributes:
    name: as given.
    sense: the sense.
    modalities: which of the model's are meant, by their index.
    whole: whether the sense as a whole is.
  """

  name: str
  sense: Sense
  modalities: tuple[int, ...]
  whole: bool


def asked_of(modalities: Sequence[Modality], name: str) -> Asked:
  """What a name means: a sense, all of its modalities; or one modality.

  Raises:
    UserError: there is none of that name.
  """
  for sense in senses_of(modalities):
    if sense.name == name:
      own = tuple(i for i, m in enumerate(modalities) if m.sense == sense)
      return Asked(name, sense, own, whole=True)
  for i, modality in enumerate(modalities):
    if modality.name == name:
      return Asked(name, modality.sense, (i,), whole=False)
  known = dict.fromkeys([s.name for s in senses_of(modalities)] + [m.name for m in modalities])
  raise UserError(f"the model has no sense or modality '{name}'; {did_you_mean(name, known)}")


def read_view(run: Run, asked: Asked, view: ArrayLike, pose: ArrayLike) -> Views:
  """One view of one scene, (1, 1, ...) per modality, converted as in training; zeros of the senses
  that are not asked.

  Raises:
    UserError: the view or the pose is of another shape or unit.
  """
  sense, others = asked.sense, senses_of(run.model.modalities)
  raw, query = _read_raw(run, asked, view), read_poses(pose)
  if query.shape != (1, 5):
    raise UserError(f'the pose has shape {np.shape(pose)}; give one view and its pose, (5,).')
  scene = {sense.field: raw[None, None], sense.pose_field: query[None]}
  absent = {other.there_field: np.zeros((1, 1), bool) for other in others if other != sense}
  return _cut(run.model.modalities, scene | absent, dict(run.ranges))


def read_poses(pose: ArrayLike) -> np.ndarray:
  """A pose (5,), or several (Q, 5), as (Q, 5): x, y, z in metres, pitch and yaw in radians.

  Raises:
    UserError: they are of another shape or unit.
  """
  poses = _numbers(pose, 'the pose').astype(np.float32)
  if poses.ndim not in (1, 2) or poses.shape[-1] != 5 or not poses.size:
    raise UserError(
      f'the pose has shape {poses.shape}; give (x, y, z, pitch, yaw), (5,), metres and radians.'
    )
  poses = poses.reshape(-1, 5)
  if (far := np.abs(poses[:, :3]).max()) > _FARTHEST:
    raise UserError(f'the pose is {far:,.0f} from the origin; give metres.')
  if (angle := np.abs(poses[:, 3:]).max()) > _LARGEST_ANGLE:
    raise UserError(f'an angle of the pose is {angle:,.0f}; give radians.')
  return poses


_embed_one = jax.jit(embed_query)


def embed(poses: np.ndarray) -> np.ndarray:
  """Poses (Q, 5) as the model takes them, (Q, 7)."""
  # One at a time: whatever their number, they are compiled once.
  return np.concatenate([np.asarray(_embed_one(pose[None])) for pose in poses])


def write_views(run: Run, asked: Asked, parts: Sequence[np.ndarray]) -> np.ndarray:
  """What was imagined of the modalities asked for, (K, Q, *modality.shape) each, in the unit in
  which views are given: pixels in [0, 1], sensors in their own.

  Returns:
    Of a modality its part, (K, Q, *modality.shape). Of a whole sense (K, Q, S, S, C), S the side of
    the canvas that the modalities are cut from, or (K, Q, D); NaN where no modality looks.
  """
  modalities = [run.model.modalities[i] for i in asked.modalities]
  sense, span = asked.sense, asked.sense.range_in(run.ranges)
  if sense.drawn_as_pixels:
    given = list(parts)
  else:
    spans = [span.pick(np.array(m.cut.indices)) if sense.ranged else span for m in modalities]
    given = [
      np.asarray(sense.unscale(jnp.asarray(p), s)) for p, s in zip(parts, spans, strict=True)
    ]
  if not asked.whole:
    return given[0]
  lead = given[0].shape[:2]
  if sense.drawn_as_pixels:
    side, channels = modalities[0].cut.canvas, _channels(modalities)
    whole = np.full((*lead, side, side, channels), np.nan, np.float32)
    for modality, part in zip(modalities, given, strict=True):
      cut = modality.cut
      for i, channel in enumerate(cut.channels):
        whole[..., slice(*cut.rows), slice(*cut.columns), channel] = part[..., i]
    return whole
  whole = np.full((*lead, _length(run, sense, modalities)), np.nan, np.float32)
  for modality, part in zip(modalities, given, strict=True):
    whole[..., list(modality.cut.indices)] = part
  return whole


@functools.partial(jax.jit, static_argnums=0)
def _cut(modalities: tuple[Modality, ...], scenes: dict, ranges: Ranges) -> Views:
  return cut_scenes(modalities, scenes, ranges)


def _read_raw(run: Run, asked: Asked, view: ArrayLike) -> np.ndarray:
  """A view as scenes hold it."""
  raw, sense = _numbers(view, f'the {asked.sense.name}'), asked.sense
  own = [m for m in run.model.modalities if m.sense == sense]
  if not sense.drawn_as_pixels:
    numbers = _length(run, sense, own)
    if raw.shape != (numbers,):
      raise UserError(f'the {sense.name} has shape {raw.shape}; give one view, ({numbers},).')
    raw = raw.astype(np.float32)
    scaled = np.abs(np.asarray(sense.scaled(jnp.asarray(raw), run.ranges)))
    if sense.ranged and scaled.max() > _FARTHEST_SCALED:
      raise UserError(
        f'number {scaled.argmax()} of the {sense.name} is {raw[scaled.argmax()]:g}, '
        f'{scaled.max():,.0f} times as far out as any in training; give the unit of the training '
        'data.'
      )
    return raw
  counts = [count for count in (1, 3) if count >= _channels(own)]
  if raw.ndim != 3 or raw.shape[0] != raw.shape[1] or raw.shape[2] not in counts:
    raise UserError(
      f'the {sense.name} has shape {raw.shape}; give one square view, (side, side, '
      f'{" or ".join(map(str, counts))}).'
    )
  return _pixels(raw, sense)


def _pixels(raw: np.ndarray, sense: Sense) -> np.ndarray:
  """Bytes, or the floats that stand for bytes."""
  low, high = raw.min(), raw.max()
  if raw.dtype.kind in 'iu':
    if low < 0 or high > sense.levels:
      raise UserError(
        f'the {sense.name} has whole numbers from {low} to {high}; give them in '
        f'[0, {sense.levels}], or floats in [0, 1].'
      )
    return raw.astype(np.float32) if sense.levels == 1 else raw.astype(np.uint8)
  if low < _LOWEST or high > _HIGHEST:
    raise UserError(
      f'the {sense.name} has floats from {low:g} to {high:g}; give floats in [0, 1], or whole '
      f'numbers in [0, {sense.levels}].'
    )
  return raw.astype(np.float32) * sense.levels


def _numbers(given: ArrayLike, what: str) -> np.ndarray:
  try:
    array = np.asarray(given)
  except ValueError as error:  # Lists of unlike lengths.
    raise UserError(f'{what} is not an array of numbers ({error}); give one.') from error
  if array.dtype.kind not in 'iuf':
    raise UserError(f'{what} is of {array.dtype}; give an array of numbers.')
  if not np.isfinite(array).all():
    raise UserError(f'{what} has numbers that are not finite; leave that view out.')
  return array


def _channels(modalities: Sequence[Modality]) -> int:
  return 1 + max(max(m.cut.channels) for m in modalities)


def _length(run: Run, sense: Sense, modalities: Sequence[Modality]) -> int:
  """How many numbers a view of a vector has, as scenes hold it."""
  if sense.ranged:
    return np.shape(sense.range_in(run.ranges).low)[0]
  return 1 + max(max(m.cut.indices) for m in modalities)
