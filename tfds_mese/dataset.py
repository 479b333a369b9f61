"""What a dataset is to whoever reads one, wherever its scenes come from."""

import abc
import dataclasses
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, SupportsIndex, overload

import numpy as np

Scene = dict[str, np.ndarray]


class Source(Protocol):
  """Scenes by position; each a dictionary of the arrays that `mese_env.generate_scene` returns, or
  of those among them that the model reads (`tfds_mese.own_data`).
  """

  def __len__(self) -> int: ...

  def __getitem__(self, position: int, /) -> Scene: ...


class Scenes(Sequence[Scene]):
  """A source that takes positions as a list does: whole numbers, from the end where negative, and
  slices, whose scenes are read when they are asked for.
  """

  @abc.abstractmethod
  def _read(self, position: int) -> Scene:
    """The scene at a position from 0 to the length."""

  @overload
  def __getitem__(self, index: SupportsIndex) -> Scene: ...

  @overload
  def __getitem__(self, index: slice) -> 'Scenes': ...

  def __getitem__(self, index: SupportsIndex | slice) -> 'Scene | Scenes':
    if isinstance(index, slice):
      return _Slice(self, range(len(self))[index])
    try:
      position = operator.index(index)
    except TypeError as error:
      raise TypeError(
        f'a scene is asked for by a whole number or a slice, not by {index!r}'
      ) from error
    if not -len(self) <= position < len(self):
      raise IndexError(f'there are {len(self)} scenes, and none at {position}')  # Ends `for` loops.
    return self._read(position % len(self))


class _Slice(Scenes):
  """Some scenes of others, by their positions there."""

  def __init__(self, scenes: Scenes, positions: range):
    self._scenes, self._positions = scenes, positions

  def __len__(self) -> int:
    return len(self._positions)

  def _read(self, position: int) -> Scene:
    return self._scenes[self._positions[position]]


@dataclasses.dataclass(frozen=True)
class Dataset:
  """A dataset.

  Attributes:
    splits: scenes of train, val and test; data of one's own may have no test.
    ranges: by sense, smallest and largest value of each of its numbers over the training split,
      float32 (D,) each; of the simulated hand D is 132. A third array, where there is one, is the
      `least_span` of `gmn_jax.senses.Range`. Images need none.
    metadata: what is known of its making; of a built dataset seed, versions, and the scene config
      of each split.
    identity: what the data are, wherever they lie: equal for a copy, different for any other
      dataset. Flat, of values that JSON can hold, by names that a sentence can use.
  """

  splits: Mapping[str, Source]
  ranges: Mapping[str, tuple[np.ndarray, ...]]
  metadata: Mapping[str, Any]
  identity: Mapping[str, Any] = dataclasses.field(default_factory=dict)
