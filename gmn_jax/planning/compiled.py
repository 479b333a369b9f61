"""The training step of a config, compiled for devices that are not there."""

import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gmn_jax.config import Config, make_missing
from gmn_jax.planning.arithmetic import Memory
from gmn_jax.senses.sense import as_ranges
from gmn_jax.training.flops import step_flops
from gmn_jax.training.input import Selected, read_first
from gmn_jax.training.prepare import Program, batch_like, make_program
from gmn_jax.training.sharding import make_layout

# Of a generated scene.
_VIEWS, _IMAGE_SIZE = 15, 64
_SIZE = r'([\d.]+)([KMGT]?)'
_TOO_LARGE = (
  rf'Used {_SIZE} of {_SIZE} hbm',
  rf'HLO temporaries \({_SIZE}\) exceeds available HBM \({_SIZE}\)',
)
_UNITS = {'': 1, 'K': 2**10, 'M': 2**20, 'G': 2**30, 'T': 2**40}


class Traced(NamedTuple):
  """A training step and what it is called with; not compiled.

  Attributes:
    program: the step.
    inputs: like the state and all else that the step takes.
  """

  program: Program
  inputs: tuple[Any, ...]

  @property
  def flops(self) -> int:
    """Floating-point operations of all devices in a step, those of the optimiser left out."""
    return step_flops(self.program.update, self.program.optimizer, *self.inputs)


class Compiled(NamedTuple):
  """What is known of a compiled step.

  Attributes:
    text: of the program.
    memory: of one device.
    flops: that XLA counts on one device, each loop's body once; None: it does not tell.
    seconds: XLA's own estimate of a step, each loop's body once; None: it does not tell.
    took_s: seconds that compiling took.
  """

  text: str
  memory: Memory
  flops: float | None
  seconds: float | None
  took_s: float


class DoesNotFit(Exception):
  """The compiler needs more memory than a device has.

  Attributes:
    needed: bytes; None: it does not say.
    available: bytes that programs may use; None: it does not say.
  """

  def __init__(self, needed: int | None, available: int | None):
    super().__init__('the step does not fit a device')
    self.needed, self.available = needed, available


def trace(config: Config, devices: Sequence[Any]) -> Traced:
  """The step as training makes it, on scenes of the size that are generated.

  Raises:
    UserError: batch and `fsdp` do not fit the devices, or the model has a sense that generated
      scenes have not.
  """
  layout = make_layout(config.batch_size, config.fsdp, devices, config.accumulate)
  program = make_program(config, layout)
  scene = {
    'images': np.zeros((_VIEWS, _IMAGE_SIZE, _IMAGE_SIZE, 3), np.uint8),
    'haptics': np.zeros((_VIEWS, config.haptic_channels), np.float32),
    'cameras': np.zeros((_VIEWS, 5), np.float32),
    'hands': np.zeros((_VIEWS, 5), np.float32),
    'index': np.int64(0),
  }
  source: Any = [scene]
  scenes = read_first(Selected(source, program.model.modalities), 1)
  ends = np.zeros(config.haptic_channels, np.float32)
  given = as_ranges({'haptic': (ends, ends)}), make_missing(config)
  like = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(
      leaf.shape, leaf.dtype, sharding=layout.whole, weak_type=leaf.weak_type
    ),
    jax.eval_shape(lambda *leaves: leaves, *given),
  )
  return Traced(program, (program.like, batch_like(scenes, config, layout), *like))


def compile_step(traced: Traced) -> Compiled:
  """Compiles a step; takes minutes.

  Raises:
    DoesNotFit: it needs more memory than a device has.
  """
  began = time.monotonic()
  lowered = traced.program.update.lower(*traced.inputs)
  try:
    compiled = lowered.compile()
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' not in str(error):
      raise
    raise DoesNotFit(*_needed_and_available(str(error))) from error
  took_s = time.monotonic() - began
  used: Any = compiled.memory_analysis()
  costs: Any = compiled.cost_analysis() or {}
  return Compiled(
    compiled.as_text() or '',
    Memory(
      arguments=used.argument_size_in_bytes,
      outputs=used.output_size_in_bytes - used.alias_size_in_bytes,
      temporaries=used.temp_size_in_bytes,
      code=used.generated_code_size_in_bytes,
    ),
    costs.get('flops'),
    # Of large programs it is a negative number.
    seconds if (seconds := costs.get('optimal_seconds', 0)) > 0 else None,
    took_s,
  )


def _needed_and_available(message: str) -> tuple[int | None, int | None]:
  """Bytes, from what libtpu says of a program that it finds too large."""
  for sentence in _TOO_LARGE:
    if found := re.search(sentence, message):
      needed, its_unit, available, unit = found.groups()
      return int(float(needed) * _UNITS[its_unit]), int(float(available) * _UNITS[unit])
  return None, None
