"""The batch of a plan: as asked for, if it fits a chip, or the largest that does."""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from gmn_jax.config import Config
from gmn_jax.config.sections import LARGEST_BATCH
from gmn_jax.planning.chips import Chip, Topology
from gmn_jax.planning.compiled import Compiled, DoesNotFit, Traced, compile_step, trace
from gmn_jax.planning.largest import candidates, largest_that_fits
from gmn_jax.planning.least import least_bytes
from mese_env.errors import UserError, duration

_GIB = 2**30


class Fitted(NamedTuple):
  """A config whose batch fits, with its compiled step.

  Attributes:
    config: its `batch_size` that of all chips.
    traced: the step.
    compiled: the step.
    refused: batches of a chip that were tried and do not fit.
  """

  config: Config
  traced: Traced
  compiled: Compiled
  refused: tuple[int, ...] = ()


class _Need(NamedTuple):
  """The least memory of a chip, without compiling: some bytes, and more of them for each scene."""

  fixed: float
  of_a_scene: float

  def scenes(self, available: int) -> int:
    """How many could fit."""
    return max(0, int((available - self.fixed) / self.of_a_scene))


def fit(
  config: Config, topology: Topology, devices: Sequence[Any], per_device: int | str | None
) -> Fitted:
  """Compiles the step of a config for a slice.

  Args:
    config: its `batch_size` holds where `per_device` is None.
    topology: the slice.
    devices: its own.
    per_device: scenes of a step on each chip; a string: as many as fit.

  Raises:
    UserError: what is asked for does not go with the slice, or does not fit a chip.
  """
  if isinstance(per_device, str):
    return _largest(config, topology, devices)
  if per_device is not None:
    config = config.replace(batch_size=per_device * topology.size)
  traced = trace(config, devices)
  per_device, chip = config.batch_size // topology.size, topology.chip
  need = _need(config, devices)
  if need.fixed + need.of_a_scene * per_device > chip.memory_bytes:
    raise UserError(_too_large(chip, per_device, need, need.scenes(chip.memory_bytes)))
  try:
    return Fitted(config, traced, _compile(traced, per_device, chip))
  except DoesNotFit as error:
    known = f'needs {error.needed / _GIB:.1f} GiB or more' if error.needed else 'does not fit'
    raise UserError(
      f'a batch of {per_device} {known} on each {chip.name} of {_gib(chip)} GiB; '
      f'--batch_per_device=auto finds how many fit.'
    ) from error


def _largest(config: Config, topology: Topology, devices: Sequence[Any]) -> Fitted:
  chip, refused = topology.chip, []

  def attempt(per_device: int) -> Fitted:
    sized = config.replace(batch_size=per_device * topology.size)
    traced = trace(sized, devices)
    try:
      return Fitted(sized, traced, _compile(traced, per_device, chip))
    except DoesNotFit:
      refused.append(per_device)
      raise

  need = _need(config, devices)
  most = min(need.scenes(chip.memory_bytes), LARGEST_BATCH // topology.size)
  found = largest_that_fits(candidates(most, config.accumulate), need.fixed, attempt)
  if found is None:
    least = min(refused, default=config.accumulate)
    raise UserError(_too_large(chip, least, need, 0))
  return found[1]._replace(refused=tuple(sorted(refused)))


def _need(config: Config, devices: Sequence[Any]) -> _Need:
  parts = config.accumulate
  once, twice = (
    least_bytes(trace(config.replace(batch_size=size, fsdp=1), devices[:1]))
    for size in (parts, 2 * parts)
  )
  return _Need(2 * once - twice, (twice - once) / parts)


def _too_large(chip: Chip, per_device: int, need: _Need, most: int) -> str:
  """Why a batch is refused, and what to do."""
  least = (need.fixed + need.of_a_scene * per_device) / _GIB
  remedy = (
    f'at most {most} can fit: use --batch_per_device=auto'
    if most
    else ('use a chip of more memory, or --config.remat=True')
  )
  return (
    f'a batch of {per_device} on each chip does not fit a {chip.name} of {_gib(chip)} GiB: it '
    f'needs at least {least:,.1f}; {remedy}.'
  )


def _gib(chip: Chip) -> int:
  return chip.memory_bytes // _GIB


def _compile(traced: Traced, per_device: int, chip: Chip) -> Compiled:
  """Compiles, and says so: nothing else is seen for minutes.

  Raises:
    DoesNotFit: the step needs more memory than the chip has.
  """
  print(
    f'compiling the step with a batch of {per_device} on each chip', file=sys.stderr, flush=True
  )
  try:
    compiled = compile_step(traced)
    # What the compiler refuses may be its temporaries alone.
    if compiled.memory.total > chip.memory_bytes:
      raise DoesNotFit(compiled.memory.total, chip.memory_bytes)
  except DoesNotFit as error:
    known = f': it needs {error.needed / _GIB:.1f} GiB or more' if error.needed else ''
    print(f'a batch of {per_device} does not fit a chip{known}', file=sys.stderr, flush=True)
    raise
  print(f'compiled it in {duration(compiled.took_s)}', file=sys.stderr, flush=True)
  return compiled
