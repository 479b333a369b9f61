"""The machine under measurement: what it is, and whether it is idle."""

import json
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Mapping
from typing import Any

import jax

from mese_env.errors import UserError

_IDLE = 0.15  # cores' worth of other work that the tables tolerate


def describe() -> str:
  """Backend, device and processor, and how many cores this process may use."""
  device = jax.devices()[0]
  return f'{device.platform}: {device.device_kind}; {_processor()}, {count_cores()} cores'


def refuse_when_busy(patience: float = 20.0) -> None:
  """Returns as soon as the processor has been idle for a second, for which it waits `patience` s.

  Raises:
    UserError: it never was; a time measured now would say nothing. Where the system does not tell
      (no /proc/stat), it is taken to be idle.
  """
  end = time.monotonic() + patience
  while (before := _busy_ticks()) is not None:
    time.sleep(1.0)
    busy, total = (now - then for now, then in zip(_busy_ticks(), before, strict=True))
    cores_busy = busy / max(total, 1) * os.cpu_count()
    if cores_busy <= _IDLE:
      return
    if time.monotonic() > end:
      raise UserError(
        f'the machine is busy ({cores_busy:.1f} cores of {count_cores()} at work before anything '
        'is measured); wait until it is idle, or end what runs beside this.'
      )


def write_json(path: pathlib.Path, numbers: Mapping[str, Any]) -> None:
  """Writes what was measured, for other programs; makes the folder."""
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(json.dumps(numbers, indent=2) + '\n')


def spread(seconds: list[float]) -> dict[str, float]:
  """Median, minimum and maximum in milliseconds."""
  return {
    'median_ms': 1e3 * statistics.median(seconds),
    'min_ms': 1e3 * min(seconds),
    'max_ms': 1e3 * max(seconds),
  }


def count_cores() -> int:
  """How many cores this process may use."""
  return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


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
