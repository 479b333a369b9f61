"""Several processes, on one machine or many, as one run."""

import re

import jax
import numpy as np

from gmn_jax.training.sharding import Layout
from mese_env.errors import UserError

_LAST_PORT = 65_535


def join(place: str) -> None:
  """Makes this process one of those of a run; before anything else is asked of JAX.

  Args:
    place: 'auto' where the environment says it (a TPU pod, Slurm, Open MPI, Kubernetes); else which
      process of how many, and where the first one listens, as in '2/4@10.0.0.1:1234'.

  Raises:
    UserError: `place` is neither, or the processes did not come together.
  """
  named = re.fullmatch(r'(\d{1,9})/(\d{1,9})@([^@\s]+:(\d{1,5}))', place)
  fits = named and 1 <= int(named[1]) <= int(named[2]) and 0 < int(named[4]) <= _LAST_PORT
  if place != 'auto' and not fits:
    raise UserError(
      f'--distributed={place} is not understood; give auto, or 2/4@10.0.0.1:1234 to the second of '
      'four processes, of which the first listens at that address.'
    )
  # Between processes without accelerators; those with one have their own.
  jax.config.update('jax_cpu_collectives_implementation', 'gloo')
  # It would take SIGTERM for itself, which the training loop answers.
  jax.config.update('jax_enable_preemption_service', False)
  try:
    if named:
      jax.distributed.initialize(named[3], int(named[2]), int(named[1]) - 1)
    else:
      jax.distributed.initialize()
  except (AssertionError, RuntimeError, ValueError, OSError) as error:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    raise UserError(
      f'the processes of --distributed={place} did not come together ({reason}); start '
      'all of them, with the same address.'
    ) from error


def leads() -> bool:
  """Whether this process is the one that writes what all of them know."""
  return jax.process_index() == 0


class Agreement:
  """An asynchronous maximum over processes, available one step later.

  Nothing waits for it: it travels while the devices compute.

  Args:
    layout: of the run.
  """

  def __init__(self, layout: Layout):
    self._sharding, self._size = layout.scenes, layout.mesh.size
    self._largest = jax.jit(lambda offered: offered.max(), out_shardings=layout.whole)
    self._known = None

  def exchange(self, offered: int) -> int:
    """Offers a number, not negative; returns the largest one that any process offered at the last
    call, or with one process the number itself. All processes call it equally often.
    """
    if jax.process_count() == 1:
      return offered
    before = 0 if self._known is None else int(self._known)
    mine = np.full(jax.local_device_count(), offered, np.int32)
    self._known = self._largest(
      jax.make_array_from_process_local_data(self._sharding, mine, (self._size,))
    )
    return before
