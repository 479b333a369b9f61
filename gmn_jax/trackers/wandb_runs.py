"""The tracker `wandb`: a run of Weights & Biases, which goes on where its training does.

Its own environment variables say where to: WANDB_PROJECT, WANDB_MODE and the others.
"""

import os
import secrets

# Who asks for this tracker has installed it.
import wandb  # pyright: ignore[reportMissingImports]

from gmn_jax.trackers.tracker import Record, TrackedRun, keep_id, known_id, scalars

_NAME, _PROJECT = 'wandb', 'gmn_jax'


class Wandb:
  """A run of W&B.

  Args:
    run: whose numbers they are; it has the name of the workdir's folder.
  """

  def __init__(self, run: TrackedRun):
    name = known_id(run.workdir, _NAME) or secrets.token_hex(4)
    self._run = wandb.init(
      id=name,
      resume='allow',
      project=os.environ.get('WANDB_PROJECT', _PROJECT),
      name=run.workdir.resolve().name,
      dir=run.workdir,
      config=dict(run.config),
      allow_val_change=True,
    )
    keep_id(run.workdir, _NAME, name)
    # Its own count of steps never goes back, as a run does that was killed between checkpoints.
    self._run.define_metric('*', step_metric='step')

  def write(self, step: int, split: str, record: Record) -> None:
    """Hands the numbers to W&B, which sends them by and by."""
    self._run.log({'step': step, **scalars(split, record)})

  def close(self, finished: bool) -> None:
    """Ends the run of W&B, as failed unless it is finished."""
    self._run.finish(exit_code=0 if finished else 1)
