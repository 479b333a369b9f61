"""How arrays are spread over devices."""

from collections.abc import Sequence

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from mese_env.errors import UserError


def data_parallel(
  batch_size: int, devices: Sequence[jax.Device]
) -> tuple[NamedSharding, NamedSharding]:
  """A whole copy on every device, and a split of the leading axis over all of them.

  Raises:
    UserError: the batch does not divide by the devices.
  """
  count = len(devices)
  if batch_size % count:
    raise UserError(
      f'batch_size is {batch_size}, which does not divide by the {count} devices; the nearest that '
      f'does is {max(count, count * round(batch_size / count))}.'
    )
  mesh = jax.make_mesh((count,), ('data',), axis_types=(AxisType.Auto,), devices=devices)
  return NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec('data'))
