"""Every tracker gets all numbers, goes on where its run does, and can fail without ending it."""

import importlib
import json
import pathlib
import struct
import sys

import pytest

from gmn_jax.trackers import TRACKERS, Kind
from gmn_jax.training.metrics import Metrics
from gmn_jax.training.train import train
from mese_env.errors import UserError
from tests.tiny_run import random_dataset, tiny_config

_SERVICES = ('wandb', 'mlflow')
_MODULES = (
  'wandb',
  'mlflow',
  'mlflow.entities',
  *(f'gmn_jax.trackers.{s}_runs' for s in _SERVICES),
)
_VALUES = {'elbo': -3.5, 'kl': 2.0, 'kl_per_step': [1.5, 0.5]}
_SCALARS = {'elbo': -3.5, 'kl': 2.0, 'kl_per_step/01': 1.5, 'kl_per_step/02': 0.5}


@pytest.fixture(autouse=True)
def services(monkeypatch):
  """Those of `fakes`, with nothing on their servers, in place of the packages of these names."""
  monkeypatch.syspath_prepend(pathlib.Path(__file__).parent / 'fakes')
  for variable in ('WANDB_PROJECT', 'MLFLOW_EXPERIMENT_NAME'):
    monkeypatch.delenv(variable, raising=False)
  real = {name: sys.modules.pop(name) for name in _MODULES if name in sys.modules}
  yield
  for name in _MODULES:
    sys.modules.pop(name, None)
  sys.modules.update(real)


def _track(workdir, names, first, last, *, stopped=False):
  """Two records a step."""
  workdir.mkdir(exist_ok=True)
  try:
    with Metrics(tiny_config(track=names, steps=9), workdir, first) as metrics:
      for step in range(first + 1, last + 1):
        metrics.train(step, _VALUES)
        metrics.validated(step, {'val': _VALUES})
      if stopped:
        raise KeyboardInterrupt
  except KeyboardInterrupt:
    assert stopped


def _lines(workdir):
  records = map(json.loads, (workdir / 'metrics.jsonl').read_text().splitlines())
  for record in records:
    step, split = record.pop('step'), record.pop('split')
    assert record == _VALUES
    yield step, {f'{split}/{name}': number for name, number in _SCALARS.items()}


def _events(workdir):
  from tensorboardX.proto.event_pb2 import Event

  (path,) = (workdir / 'tensorboard').iterdir()
  content = path.read_bytes()
  while content:
    (length,) = struct.unpack('<Q', content[:8])
    event = Event.FromString(content[12 : 12 + length])
    content = content[16 + length :]
    for value in event.summary.value:
      yield event.step, {value.tag: value.simple_value}


def _rows(workdir, name):
  (run,) = importlib.import_module(name).RUNS.values()
  assert (run['name'], run['project'], run['config']['steps']) == (workdir.name, 'gmn_jax', 9)
  return run['rows']


@pytest.mark.parametrize('name', TRACKERS)
def test_every_tracker_gets_every_number(name, tmp_path):
  workdir = tmp_path / 'run'
  _track(workdir, name, 0, 2)
  read = {'jsonl': _lines, 'tensorboard': _events}.get(name, lambda of: _rows(of, name))
  found = {}
  for step, numbers in read(workdir):
    found.setdefault(step, {}).update(numbers)
  both = {f'{split}/{tag}': n for split in ('train', 'val') for tag, n in _SCALARS.items()}
  assert found == {1: both, 2: both}
  # What is not asked for is not there.
  assert len([path for path in workdir.iterdir() if path.name != f'{name}-id.txt']) <= 1


@pytest.mark.parametrize('name', _SERVICES)
def test_a_run_that_goes_on_is_the_same_one_to_a_service(name, tmp_path):
  workdir = tmp_path / 'run'
  _track(workdir, name, 0, 3, stopped=True)
  _track(workdir, name, 2, 4)
  _track(tmp_path / 'another', name, 0, 1)
  one, another = importlib.import_module(name).RUNS.values()
  assert [step for step, _ in one['rows']] == [1, 1, 2, 2, 3, 3, 3, 3, 4, 4]
  assert one['ended'] == ['stopped', 'finished'] and another['name'] == 'another'


class _Failing:
  def __init__(self, when):
    self.when, self.asked = when, []

  def open(self, run):
    self._ask('open')
    return self

  def write(self, step, split, record):
    self._ask('write')

  def close(self, finished):
    self._ask('close')

  def _ask(self, what):
    self.asked.append(what)
    if what == self.when:
      raise RuntimeError('no answer\nfrom the server')


@pytest.mark.parametrize(
  ('when', 'asked'),
  [('open', ['open']), ('write', ['open', 'write']), ('close', ['open', *['write'] * 4, 'close'])],
)
def test_a_tracker_that_fails_is_named_once_and_left_alone(
  when, asked, tmp_path, capsys, monkeypatch
):
  failing = _Failing(when)
  monkeypatch.setitem(TRACKERS, 'failing', Kind(failing.open))
  _track(tmp_path / 'run', 'failing,jsonl', 0, 2)
  assert failing.asked == asked and len(list(_lines(tmp_path / 'run'))) == 4
  said = [line for line in capsys.readouterr().err.splitlines() if 'tracker' in line]
  assert said == ['the tracker failing failed (no answer); training goes on without it.']


def test_a_package_that_is_missing_is_named_before_anything_is_made(tmp_path, monkeypatch):
  monkeypatch.setitem(TRACKERS, 'far', Kind(_Failing('').open, package='no_such_package'))
  with pytest.raises(UserError, match='run `pip install no_such_package`, or leave'):
    train(tiny_config(track='jsonl,far'), random_dataset(), tmp_path / 'run')
  assert not (tmp_path / 'run').exists()
