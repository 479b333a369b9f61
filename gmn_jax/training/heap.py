"""Memory of the process that nothing uses any more."""

import ctypes


def return_free_memory() -> None:
  """Gives memory that was freed back to the system.

  glibc keeps it, and what follows may ask for larger pieces than it kept: after initialising and
  compiling the full preset that is 0.7 GB. Other C libraries have no such function, and nothing is
  done.
  """
  trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
  if trim is not None:
    trim(0)
