"""Memory of the process that nothing uses any more: given back, or kept for what comes next.

Both concern glibc, the C library of most Linux systems; elsewhere nothing is done.
"""

import ctypes

# Options of mallopt(3), by their numbers in malloc.h: what is kept at the end of the heap, by how
# much it grows, and how many pieces lie outside of it.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_KEPT = {_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**26, _MMAP_MAX: 0}


def return_free_memory() -> None:
  """Gives memory that was freed back to the system.

  glibc keeps it, and what follows may ask for larger pieces than it kept: after initialising and
  compiling the full preset that is 0.7 GB.
  """
  trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
  if trim is not None:
    trim(0)


def keep_free_memory() -> None:
  """Keeps memory that is freed from here on, for the whole process.

  glibc gives large pieces back at once. A step that allocates and frees the same ones every time
  then spends up to a tenth of it on pages that the system clears anew (experiments/bench/NOTES.md).
  """
  set_option = getattr(ctypes.CDLL(None), 'mallopt', None)
  if set_option is not None:
    for option, value in _KEPT.items():
      set_option(option, value)
