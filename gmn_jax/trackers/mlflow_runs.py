"""The tracker `mlflow`: a run of MLflow, which goes on where its training does.

Its own environment variables say where to, and for how long a server that does not answer is tried
again: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, MLFLOW_HTTP_REQUEST_MAX_RETRIES and others.
"""

import os
import time

# Who asks for this tracker has installed it.
import mlflow  # pyright: ignore[reportMissingImports]
from mlflow.entities import Metric  # pyright: ignore[reportMissingImports]

from gmn_jax.trackers.tracker import Record, TrackedRun, keep_id, known_id, scalars

_NAME, _EXPERIMENT = 'mlflow', 'gmn_jax'


class MLflow:
  """A run of MLflow.

  Args:
    run: whose numbers they are; it has the name of the workdir's folder.
  """

  def __init__(self, run: TrackedRun):
    self._client = mlflow.MlflowClient()
    known = known_id(run.workdir, _NAME)
    self._run_id = known or self._begin(run)
    if known:
      self._client.update_run(known, status='RUNNING')
    keep_id(run.workdir, _NAME, self._run_id)
    self._sending = None

  def write(self, step: int, split: str, record: Record) -> None:
    """Sends the numbers to MLflow while training goes on, once those before have arrived."""
    self._arrive()
    now = round(1000 * time.time())
    found = scalars(split, record)
    metrics = [Metric(tag, number, now, step) for tag, number in found.items()]
    self._sending = self._client.log_batch(self._run_id, metrics=metrics, synchronous=False)

  def close(self, finished: bool) -> None:
    """Ends the run of MLflow, as killed unless it is finished."""
    self._arrive()
    self._client.set_terminated(self._run_id, status='FINISHED' if finished else 'KILLED')

  def _arrive(self) -> None:
    if self._sending is not None:
      self._sending.wait()

  def _begin(self, run: TrackedRun) -> str:
    """A new run, with the config as its parameters; returns its id."""
    name = os.environ.get('MLFLOW_EXPERIMENT_NAME', _EXPERIMENT)
    experiment = self._client.get_experiment_by_name(name)
    number = (
      self._client.create_experiment(name) if experiment is None else experiment.experiment_id
    )
    begun = self._client.create_run(number, run_name=run.workdir.resolve().name).info.run_id
    for field, value in run.config.items():
      self._client.log_param(begun, field, value)
    return begun
