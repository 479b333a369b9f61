"""TPUs that are not there: devices to compile for, as libtpu describes them."""

import importlib.util
import os
from collections.abc import Sequence
from typing import Any

import jax
from jax.experimental import topologies

from gmn_jax.planning.chips import Topology
from mese_env import installing
from mese_env.errors import UserError

# Else libtpu asks the network which machine of a slice this one is, says that it is none, and lets
# no second process load it.
_NO_SLICE = {
  'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',
  'TPU_SKIP_MDS_QUERY': '1',
  'TPU_ACCELERATOR_TYPE': 'v5litepod-1',
  'TPU_WORKER_HOSTNAMES': 'localhost',
}


def compile_only_devices(topology: Topology) -> Sequence[Any]:
  """The devices of a slice, one a chip; nothing can be computed on them.

  What else JAX computes in this process, it computes on the CPU.

  Raises:
    UserError: there is no libtpu, or it does not know the slice.
  """
  refuse_without_libtpu()
  jax.config.update('jax_platforms', 'cpu')
  for name, value in _NO_SLICE.items():
    os.environ.setdefault(name, value)
  # By default a host has 2 x 2 chips; one that has less is a slice by itself.
  hosts = {} if topology.size >= 4 else {'chips_per_host_bounds': (*topology.shape, 1)}
  try:
    found = topologies.get_topology_desc(str(topology), platform='tpu', **hosts)
  except (RuntimeError, ValueError) as error:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    raise UserError(
      f'libtpu does not know the slice {topology} ({reason}); use a later release of libtpu, or '
      'another chip.'
    ) from error
  if len(found.devices) != topology.size:
    raise UserError(
      f'libtpu makes {len(found.devices)} devices of the {topology.size} chips of {topology}, '
      'which this plan cannot reckon with; use another chip.'
    )
  return found.devices


def refuse_without_libtpu() -> None:
  """Raises `UserError` where libtpu is not installed."""
  if importlib.util.find_spec('libtpu') is None:
    raise UserError(
      'libtpu is not installed, which compiles for TPUs (on Linux, without any TPU); '
      f'`{installing.command("tpu")}` installs it.'
    )
