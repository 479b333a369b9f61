"""MLflow as far as it is used here; `RUNS` is what its server would have."""

import types

from mlflow.entities import Metric

RUNS, EXPERIMENTS = {}, {}
_ENDED = {'FINISHED': 'finished', 'KILLED': 'stopped'}


class MlflowClient:
  def get_experiment_by_name(self, name):
    return EXPERIMENTS.get(name)

  def create_experiment(self, name):
    number = str(len(EXPERIMENTS))
    EXPERIMENTS[name] = types.SimpleNamespace(experiment_id=number, name=name)
    return number

  def create_run(self, experiment_id, *, run_name):
    (project,) = (e.name for e in EXPERIMENTS.values() if e.experiment_id == experiment_id)
    key = f'run-{len(RUNS)}'
    RUNS[key] = {'name': run_name, 'project': project, 'rows': [], 'ended': [], 'config': {}}
    return types.SimpleNamespace(info=types.SimpleNamespace(run_id=key))

  def log_param(self, run_id, key, value):
    assert key not in RUNS[run_id]['config'], 'a parameter cannot be changed'
    RUNS[run_id]['config'][key] = value

  def update_run(self, run_id, *, status):
    assert run_id in RUNS and status == 'RUNNING'

  def log_batch(self, run_id, *, metrics, synchronous):
    assert all(isinstance(metric, Metric) for metric in metrics) and not synchronous
    (step,) = {metric.step for metric in metrics}
    row = step, {metric.key: metric.value for metric in metrics}
    return types.SimpleNamespace(wait=lambda: RUNS[run_id]['rows'].append(row))

  def set_terminated(self, run_id, *, status):
    RUNS[run_id]['ended'].append(_ENDED[status])
