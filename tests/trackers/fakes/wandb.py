"""Weights & Biases as far as it is used here; `RUNS` is what its server would have."""

RUNS = {}


class _Run:
  def __init__(self, kept):
    self._kept = kept

  def define_metric(self, name, *, step_metric):
    self._kept['step of'] = {name: step_metric}

  def log(self, data):
    self._kept['rows'].append((data['step'], {k: v for k, v in data.items() if k != 'step'}))

  def finish(self, exit_code=None):
    self._kept['ended'].append('finished' if exit_code == 0 else 'stopped')


def init(*, id, resume, project, name, dir, config, allow_val_change):
  assert resume == 'allow' and allow_val_change and dir.is_dir()
  kept = RUNS.setdefault(id, {'name': name, 'project': project, 'rows': [], 'ended': []})
  kept['config'] = config
  return _Run(kept)
