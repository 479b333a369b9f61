"""The machine under measurement: what it is, whether it is idle, and how fast it can multiply."""

import os
import pathlib
import platform
import resource
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gmn_jax.convolution import convolve
from mese_env.errors import UserError

_IDLE = 0.15  # cores' worth of other work that the tables tolerate


def describe() -> str:
  """Backend, device and processor, and how many cores this process may use."""
  device = jax.devices()[0]
  return f'{device.platform}: {device.device_kind}; {_processor()}, {len(_cores())} cores'


def refuse_when_busy(seconds: float = 1.0) -> None:
  """Returns if the processor is idle for `seconds`.

  Raises:
    UserError: it is not; a time measured now would say nothing. Where the system does not tell
      (no /proc/stat), it is taken to be idle.
  """
  before = _busy_ticks()
  if before is None:
    return
  time.sleep(seconds)
  busy, total = (now - then for now, then in zip(_busy_ticks(), before, strict=True))
  cores_busy = busy / max(total, 1) * os.cpu_count()
  if cores_busy > _IDLE:
    raise UserError(
      f'the machine is busy ({cores_busy:.1f} cores of {len(_cores())} at work before anything is '
      'measured); wait until it is idle, or end what runs beside this.'
    )


def time_calls(call: Callable[[], object], repeats: int) -> list[float]:
  """Seconds of each of `repeats` calls, after one that is not counted; waits for their results."""
  jax.block_until_ready(call())
  times = []
  for _ in range(repeats):
    began = time.perf_counter()
    jax.block_until_ready(call())
    times.append(time.perf_counter() - began)
  return times


def peak_flops_per_s(dtype: jnp.dtype, repeats: int = 5) -> float:
  """The highest rate in `dtype` of a matrix product and, on a CPU, of the expert's own convolution
  forward and backward: whichever is faster there is what a step could at best reach.
  """
  on_cpu = jax.default_backend() == 'cpu'
  size = 2048 if on_cpu else 8192
  x = jnp.ones((size, size), dtype)
  product = jax.jit(jnp.matmul)
  rates = [2 * size**3 / min(time_calls(lambda: product(x, x), repeats))]
  if on_cpu:
    images, inputs, outputs, side = 24, 64, 256, 16
    x = jnp.ones((images, side, side, inputs), dtype)
    kernel = jnp.ones((5, 5, inputs, outputs), dtype)
    forward = jax.jit(convolve)
    gradient = jnp.ones((images, side, side, outputs), dtype)
    backward = jax.jit(lambda x, kernel, gradient: jax.vjp(convolve, x, kernel)[1](gradient))
    flops = 2 * images * side**2 * 25 * inputs * outputs
    rates.append(flops / min(time_calls(lambda: forward(x, kernel), repeats)))
    rates.append(2 * flops / min(time_calls(lambda: backward(x, kernel, gradient), repeats)))
  return max(rates)


def peak_bytes() -> int:
  """Most memory in use so far: of the device's allocator, or of this process without one."""
  stats = jax.devices()[0].memory_stats()
  if stats and 'peak_bytes_in_use' in stats:
    return stats['peak_bytes_in_use']
  scale = 1 if platform.system() == 'Darwin' else 1024
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def spread(seconds: list[float]) -> dict[str, float]:
  """Median, minimum and maximum in milliseconds."""
  return {
    'median_ms': 1e3 * statistics.median(seconds),
    'min_ms': 1e3 * min(seconds),
    'max_ms': 1e3 * max(seconds),
  }


def _cores() -> set[int]:
  return os.sched_getaffinity(0) if hasattr(os, 'sched_getaffinity') else set(range(os.cpu_count()))


def _processor() -> str:
  cpuinfo = pathlib.Path('/proc/cpuinfo')
  if cpuinfo.exists():
    for line in cpuinfo.read_text().splitlines():
      if line.startswith('model name'):
        return line.split(':')[1].strip()
  return platform.processor() or platform.machine()


def _busy_ticks() -> tuple[int, int] | None:
  stat = pathlib.Path('/proc/stat')
  if not stat.exists():
    return None
  ticks = [int(word) for word in stat.read_text().splitlines()[0].split()[1:9]]
  idle = ticks[3] + ticks[4]
  return sum(ticks) - idle, sum(ticks)
