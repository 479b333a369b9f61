"""The trackers by name. What a tracker needs is imported when it is used."""

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

from gmn_jax.trackers.jsonl import Lines
from gmn_jax.trackers.tracker import TrackedRun, Tracker
from mese_env.errors import UserError, did_you_mean


class Kind(NamedTuple):
  """A kind of tracker.

  Attributes:
    open: begins to track a run, or goes on with it.
    package: that it imports, and that does not come with this one; empty: none.
  """

  open: Callable[[TrackedRun], Tracker]
  package: str = ''


def _tensorboard(run: TrackedRun) -> Tracker:
  from gmn_jax.trackers.tensorboard import Board

  return Board(run)


def _wandb(run: TrackedRun) -> Tracker:
  from gmn_jax.trackers.wandb_runs import Wandb

  return Wandb(run)


def _mlflow(run: TrackedRun) -> Tracker:
  from gmn_jax.trackers.mlflow_runs import MLflow

  return MLflow(run)


TRACKERS = {
  'jsonl': Kind(Lines),
  'tensorboard': Kind(_tensorboard),
  'wandb': Kind(_wandb, package='wandb'),
  'mlflow': Kind(_mlflow, package='mlflow'),
}


def read_names(track: str) -> tuple[str, ...]:
  """The trackers that a text names, each once, as in 'jsonl,tensorboard'; an empty one names none.

  Raises:
    UserError: there is no such tracker.
  """
  names = dict.fromkeys(name.strip() for name in track.split(',')) if track.strip() else {}
  for name in names:
    if name not in TRACKERS:
      raise UserError(f"track names '{name}'; {did_you_mean(name, TRACKERS)}")
  return tuple(names)


def require_installed(track: str) -> None:
  """Refuses to begin what would be tracked by a package that is not there.

  Raises:
    UserError: names the package; or there is no such tracker.
  """
  for name in read_names(track):
    package = TRACKERS[name].package
    if package and importlib.util.find_spec(package) is None:
      raise UserError(
        f"track names '{name}', and {package} is not installed: run `pip install {package}`, or "
        f"leave '{name}' out."
      )
