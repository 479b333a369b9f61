"""A sense: all that the project knows of one way to sense a scene, in one object.

`image.py` and `haptic.py` declare the two that come along. Another one (sound, depth, force) is
declared like these, anywhere, and cut into modalities; nothing else has to know of it.

Dims: B scenes, V views, N views of any scenes, D numbers of a vector.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mese_env.errors import UserError

if TYPE_CHECKING:
  from gmn_jax.senses.modality import Modality

Array = jax.Array
Grid = tuple[int, int]


class Range(NamedTuple):
  """Smallest and largest value of each number of a sense over the training split, in its own unit.

  Attributes:
    low: (D,).
    high: (D,).
    least_span: where `high - low` is smaller, this is what numbers are divided by; () or (D,). The
      authors' 0.1 fits the units of the simulated hand alone.
  """

  low: Array | np.ndarray
  high: Array | np.ndarray
  least_span: Array | np.ndarray | np.floating = np.float32(0.1)

  @property
  def half_span(self) -> Array:
    """What becomes 1 when the numbers are scaled, (D,)."""
    return 0.5 * jnp.maximum(self.least_span, self.high - self.low)

  def pick(self, indices: np.ndarray) -> 'Range':
    """That of some of the numbers."""
    ends = np.broadcast_arrays(*(np.asarray(end) for end in self))
    return Range(*(end[indices] for end in ends))


# Of a dataset, by the name of the sense; senses that are not scaled by a range have none.
Ranges = Mapping[str, Range]


def as_ranges(spans: Mapping[str, tuple[np.ndarray, ...]]) -> Ranges:
  """Ranges from low, high and perhaps the least span, as a dataset has them."""
  return {
    name: Range(*(np.asarray(end, np.float32) for end in span)) for name, span in spans.items()
  }


class Bars(NamedTuple):
  """Some numbers of a sense that are drawn side by side.

  Attributes:
    title: what they are.
    unit: of all of them.
    indices: which numbers of the raw sense.
    labels: of each.
  """

  title: str
  unit: str
  indices: Sequence[int]
  labels: Sequence[str]


class Scale(NamedTuple):
  """One way in which the density of a sense is measured.

  Attributes:
    name: in results, as in 'rgb'.
    gray: as `Sense.measured` takes it.
    merged: how many of the sensed numbers become one of those measured.
  """

  name: str
  gray: bool = False
  merged: int = 1


def scale_by_range(raw: Array, span: Range) -> Array:
  """x' = (x - low) / (0.5 max(least_span, high - low)) - 1, elementwise, not clipped; with a least
  span of 0.1 the authors' rule for haptics.
  """
  return (raw - span.low) / span.half_span - 1


def unscale_by_range(scaled: Array, span: Range) -> Array:
  """Undoes `scale_by_range`."""
  return (scaled + 1) * span.half_span + span.low


def any_shape(name: str, shape: tuple[int, ...]) -> None:
  """Takes modalities of every shape."""


def no_grid(shape: tuple[int, ...]) -> Grid | None:
  """A modality that fits every latent grid."""
  return None


def as_sensed(sensed: Array, levels: int, gray: bool) -> Array:
  """Measures a sense on its own scale alone."""
  del levels, gray
  return sensed


def one_scale(name: str, shapes: Sequence[tuple[int, ...]]) -> list[Scale]:
  """Measures the density of the numbers as they are."""
  del shapes
  return [Scale(name)]


def one_group(numbers: int) -> list[Bars]:
  """All numbers of a sense in one row, labelled by their indices."""
  return [Bars('all numbers', 'own unit', range(numbers), list(map(str, range(numbers))))]


@dataclasses.dataclass(frozen=True)
class Sense:
  """One way to sense a scene.

  Attributes:
    name: in messages, options and results, as in 'image'.
    views: the plural of one view of it, as in 'images'.
    field: the array of a scene that holds its views, (V, ...); in training all senses have as many.
    pose_field: the array that holds the pose of each, (V, 5), metres and radians. A scene that
      lacks views is filled up, and says under `there_field` which it has.
    encoder: of a width and the latent grid, a module that maps views (N, *shape) and embedded
      queries (N, Q) to representations (N, h, w, 4 width).
    renderer: of a modality, a width, a number of steps and whether to recompute them, a
      `renderer.Renderer` whose last layer is affine, is named 'last' and is added at every step.
    scale: of raw views and, if `ranged`, the sense's range; floats of a size near 1.
    unscale: undoes `scale`.
    ranged: whether `scale` needs the range over the training split.
    check: refuses a modality's shape, given its name, with a `UserError`.
    grid: the latent grid that a modality's shape asks for; None: any.
    measured: maps scaled views to what a likelihood measures, given its levels and whether in gray.
    levels: the largest raw value of a sense in bytes, whose density is also told on [0, levels];
      else 1.
    scales: on which densities are measured, given its name and the shapes of its modalities.
    unit: of the scaled numbers, in words.
    drawn_as_pixels: whether views are shown as pictures, (H, W, 1 or 3) in [0, 1], and modalities
      are cut by `image.ImageCut`, all from one canvas; else as bars, and modalities are cut by
      `vector.VectorCut`.
    bars: groups of the D raw numbers that are drawn together, for a D.
  """

  name: str
  views: str
  field: str
  pose_field: str
  encoder: Callable[[int, Grid], nn.Module]
  renderer: Callable[['Modality', int, int, bool], nn.Module]
  scale: Callable[[Array, Range], Array] = scale_by_range
  unscale: Callable[[Array, Range], Array] = unscale_by_range
  ranged: bool = True
  check: Callable[[str, tuple[int, ...]], None] = any_shape
  grid: Callable[[tuple[int, ...]], Grid | None] = no_grid
  measured: Callable[[Array, int, bool], Array] = as_sensed
  levels: int = 1
  scales: Callable[[str, Sequence[tuple[int, ...]]], list[Scale]] = one_scale
  unit: str = 'scaled to [-1, 1]'
  drawn_as_pixels: bool = False
  bars: Callable[[int], list[Bars]] = one_group

  @property
  def there_field(self) -> str:
    """The array of a scene that says which of its views there are, bool (V,); without it, all."""
    return f'{self.field}_there'

  def scaled(self, raw: Array, ranges: Ranges) -> Array:
    """Raw views of any leading dims as the model takes them.

    Raises:
      UserError: the sense is scaled by a range, and there is none.
    """
    return self.scale(raw, self.range_in(ranges))

  def range_in(self, ranges: Ranges) -> Range:
    """Its range among those of a dataset; an empty one if it needs none.

    Raises:
      UserError: it needs one, and there is none.
    """
    if not self.ranged:
      return Range(jnp.zeros(0), jnp.zeros(0))
    if self.name not in ranges:
      raise UserError(
        f"the dataset has no range of the sense '{self.name}' (it has {', '.join(ranges) or 'none'}"
        f"); give it one under ranges['{self.name}'], measured over the training split."
      )
    return ranges[self.name]

  def __str__(self) -> str:
    return self.name


def senses_of(modalities: Sequence['Modality']) -> tuple[Sense, ...]:
  """The senses of which these modalities are cuts, each once, in their order."""
  return tuple(dict.fromkeys(m.sense for m in modalities))


def fields_of(modalities: Sequence['Modality']) -> tuple[str, ...]:
  """The arrays of a scene that these modalities are cut from, and their poses."""
  return tuple(name for s in senses_of(modalities) for name in (s.field, s.pose_field))
