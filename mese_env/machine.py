"""What this process may use of the machine."""

import contextlib
import os
import pathlib
import sys

_CONTROL_GROUP = pathlib.Path('/sys/fs/cgroup')


def available_cores() -> int:
  """Counts the cores that this process may use, by its affinity and its container's quota."""
  knows_affinity = hasattr(os, 'sched_getaffinity')
  cores = len(os.sched_getaffinity(0)) if knows_affinity else os.cpu_count() or 1
  # Of a control group: microseconds of CPU time in each period, or 'max'; and the period.
  with contextlib.suppress(OSError, ValueError):
    quota, period = (_CONTROL_GROUP / 'cpu.max').read_text().split()
    cores = min(cores, -(-int(quota) // int(period)))
  return cores


def available_memory() -> int:
  """Bytes of memory that this process may use, by the machine's and its container's limit."""
  memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  with contextlib.suppress(OSError, ValueError):
    memory = min(memory, int((_CONTROL_GROUP / 'memory.max').read_text()))
  return memory


def has_display() -> bool:
  """Whether windows can be expected to open."""
  if sys.platform in ('darwin', 'win32'):
    return True
  return any(os.environ.get(name) for name in ('DISPLAY', 'WAYLAND_DISPLAY'))
