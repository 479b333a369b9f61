"""Which checkpoint had the best validation: the ELBO that is kept beside each."""

import json
import math
import pathlib
import sys
from collections.abc import Mapping

import orbax.checkpoint as ocp

from gmn_jax.training.manifest import changed_file
from mese_env.errors import first_line
from mese_env.folders import move_aside

ELBO = 'elbo'
# Where orbax writes it, and what it knows of a checkpoint.
_METRICS, _ABOUT = 'metrics', '_CHECKPOINT_METADATA'


def elbo_of(metrics: Mapping[str, float]) -> float:
  """What decides which checkpoint is the best one."""
  return metrics[ELBO]


def best_step(directory: pathlib.Path) -> int | None:
  """The step of the best checkpoint in a folder of some; None where no validation measured one.

  What cannot be read of a validation is named on stderr.
  """
  found = {}
  for step in ocp.utils.checkpoint_steps(directory):
    folder = directory / str(step)
    try:
      found[step] = _elbo(folder)
    except (OSError, ValueError) as error:
      print(f'the validation of {folder} is left out: {first_line(error)}.', file=sys.stderr)
  measured = {step: elbo for step, elbo in found.items() if elbo is not None}
  return max(measured, key=lambda step: (measured[step], step)) if measured else None


def set_aside_unreadable(directory: pathlib.Path) -> None:
  """Moves what cannot be read about checkpoints, but is not part of them, beside their folder.

  Otherwise it would keep a run from going on whose weights are whole.
  """
  for step in ocp.utils.checkpoint_steps(directory):
    folder = directory / str(step)
    for name, read in ((_METRICS, _elbo), (_ABOUT, _about)):
      try:
        read(folder)
      except (OSError, ValueError) as error:
        name_aside = f'unreadable-{name.strip("_").lower()}-{step}'
        aside = move_aside(folder / name, directory.parent / name_aside)
        print(
          f'{folder / name} cannot be read ({first_line(error)}); it was moved to {aside}, and the '
          'run goes on without it.',
          file=sys.stderr,
        )


def _elbo(folder: pathlib.Path) -> float | None:
  """The ELBO of a checkpoint's validation, if it had one.

  Raises:
    ValueError: it is damaged.
    OSError: it cannot be read.
  """
  if not (folder / _METRICS).exists():
    return None
  if changed_file(folder, {_METRICS}) == folder / _METRICS / _METRICS:
    raise ValueError('it is not as it was written')
  metrics = json.loads((folder / _METRICS / _METRICS).read_bytes())
  elbo = metrics.get(ELBO) if isinstance(metrics, dict) else None
  if not isinstance(elbo, float) or not math.isfinite(elbo):
    raise ValueError(f'its ELBO is {elbo}')
  return elbo


def _about(folder: pathlib.Path) -> None:
  path = folder / _ABOUT
  if path.exists() and not isinstance(json.loads(path.read_bytes()), dict):
    raise ValueError('it is no record')
