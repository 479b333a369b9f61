"""How a run is spread over devices: scenes over all of them, and parameters over some if asked.

The devices form a mesh of two axes. Scenes are split over both. Along `fsdp`, the inner one,
parameters and optimiser state are split too, and gathered where a step uses them; along `data` all
devices hold the same.

Dims: S episodes of a scene, B scenes, N = S B episodes (S-major).
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, cast

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gmn_jax.model import GMN, Draw, Episodes, Noise, apply
from gmn_jax.senses import Views
from gmn_jax.senses.chosen import ChosenRays
from mese_env.errors import UserError

Array = jax.Array
_DATA, _FSDP = 'data', 'fsdp'
_SCENES = (_DATA, _FSDP)
# Gathering a smaller array would cost more than it saves.
_SMALLEST_SPLIT = 1024


@dataclasses.dataclass(frozen=True)
class Layout:
  """Which device holds what.

  Attributes:
    mesh: of axes `data` and `fsdp`.
  """

  mesh: Mesh

  @property
  def platform(self) -> str:
    """Of the devices, as in 'tpu', whether or not JAX computes on them here."""
    return self.mesh.devices.flat[0].platform

  @property
  def whole(self) -> NamedSharding:
    """A copy on every device."""
    return NamedSharding(self.mesh, PartitionSpec())

  @property
  def scenes(self) -> NamedSharding:
    """The leading axis split over all devices."""
    return NamedSharding(self.mesh, PartitionSpec(_SCENES))

  def state(self, shapes: Any) -> Any:
    """The shardings of a training state, or of any part of it, from its arrays' shapes."""
    return jax.tree.map(lambda leaf: NamedSharding(self.mesh, self._spec(leaf)), shapes)

  def parallel(self, model: GMN) -> GMN:
    """The model, computing the scenes of each device there."""
    # In all that a training step asks of it, it is one.
    return model if self.mesh.size == 1 else cast(GMN, ParallelGMN(model, self))

  def _spec(self, leaf: Any) -> PartitionSpec:
    """Splits the longest axis that divides by `fsdp`; nothing where there is none."""
    count = self.mesh.shape[_FSDP]
    axes = [axis for axis, size in enumerate(leaf.shape) if size % count == 0]
    if count == 1 or not axes or math.prod(leaf.shape) < _SMALLEST_SPLIT:
      return PartitionSpec()
    longest = max(axes, key=lambda axis: leaf.shape[axis])
    return PartitionSpec(*([None] * longest), _FSDP)


def make_layout(batch_size: int, fsdp: int, devices: Sequence[Any], accumulate: int = 1) -> Layout:
  """Spreads batches, each computed in `accumulate` parts, over all devices, and parameters over
  groups of `fsdp` of them.

  Raises:
    UserError: a part does not divide by the devices, or the devices do not by `fsdp`.
  """
  count = len(devices)
  if batch_size % (count * accumulate):
    each = count * accumulate
    parts = f' in {accumulate} parts' if accumulate > 1 else ''
    raise UserError(
      f'batch_size is {batch_size}, which does not divide by the {count} devices{parts}; the '
      f'nearest that does is {max(each, each * round(batch_size / each))}.'
    )
  if count % fsdp:
    fitting = ', '.join(str(size) for size in range(1, count + 1) if count % size == 0)
    raise UserError(f'fsdp is {fsdp}, which does not divide the {count} devices; use {fitting}.')
  shape, kinds = (count // fsdp, fsdp), (AxisType.Auto, AxisType.Auto)
  return Layout(jax.make_mesh(shape, _SCENES, axis_types=kinds, devices=devices))


class ParallelGMN:
  """A model that computes each scene on the device that holds it.

  Left to itself, the compiler has every device compute the experts of all scenes: it cannot split N
  = S B episodes over devices that hold some B each. Here each device sees its own scenes only. What
  it needs of others is stated: parameters are gathered along `fsdp`, and their gradients summed,
  along `data` by one all-reduce.
  """

  def __init__(self, model: GMN, layout: Layout):
    self._model, self._layout = model, layout

  def __getattr__(self, name: str) -> Any:
    return getattr(self._model, name)

  def apply(
    self,
    variables: Any,
    views: Views,
    episodes: Episodes,
    noise: Noise,
    chosen: Sequence[ChosenRays | None] | None = None,
  ) -> tuple[Draw, tuple[Array, ...]]:
    """As `GMN.__call__` of parameters; B divides by the devices."""
    specs = jax.tree.map(self._layout._spec, variables)
    count = len(episodes.context)

    def split(x: Array) -> Array:  # N to S, B
      return x.reshape(count, -1, *x.shape[1:])

    def merge(x: Array) -> Array:  # S, B to N
      return x.reshape(-1, *x.shape[2:])

    def on_a_device(variables, views, episodes, noise, chosen):
      gathered = jax.tree.map(_gather, variables, specs)
      noise = jax.tree.map(merge, noise)
      draw, means = apply(self._model, gathered['params'], views, episodes, noise, chosen)
      return jax.tree.map(split, draw), means

    scenes, after_S = PartitionSpec(_SCENES), PartitionSpec(None, _SCENES)
    draw, means = jax.shard_map(
      on_a_device,
      mesh=self._layout.mesh,
      in_specs=(specs, scenes, after_S, after_S, scenes),
      out_specs=(after_S, scenes),
      # Each output is split over all devices, so that there is nothing to check or to add up.
      check_vma=False,
    )(variables, views, episodes, jax.tree.map(split, noise), chosen)
    return jax.tree.map(merge, draw), means


def _gather(leaf: Array, spec: PartitionSpec) -> Array:
  """The whole of a parameter, on every device."""
  if _FSDP not in spec:
    return leaf
  return jax.lax.all_gather(leaf, _FSDP, axis=spec.index(_FSDP), tiled=True)
