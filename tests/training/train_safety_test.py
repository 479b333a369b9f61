"""What is spoiled is not kept as good, by-products end no run, and what is finished says so."""

import errno
import json
import os
import signal
import threading

import jax
import numpy as np
import optax
import pytest

from gmn_jax.optimisers import make_optimizer
from gmn_jax.training import train as training
from gmn_jax.training.checkpoint import Checkpoints, load_run
from gmn_jax.training.interruption import Interrupted
from gmn_jax.training.train import train
from mese_env.errors import UserError
from tests import tiny_checkpoint
from tests.tiny_run import random_dataset, random_run, tiny_config

pytestmark = pytest.mark.long

# One step, one validation, one picture.
_FIELDS = {'steps': 1, 'validate_every': 1, 'sample_every': 1}


@pytest.fixture(scope='module', autouse=True)
def unmeasured():
  """Spares each run the seconds in which it counts its operations."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr('gmn_jax.training.train.step_flops', lambda *step, platform: 1e9)
    yield


def _finite(tree):
  return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


def test_parameters_that_an_update_spoiled_are_not_saved_and_the_advice_works(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(
    'gmn_jax.training.prepare.make_optimizer',
    lambda config: optax.chain(
      make_optimizer(config), optax.scale(np.inf if config.learning_rate > 1 else 1.0)
    ),
  )
  spoiling = tiny_config(**_FIELDS, learning_rate=1e3, warmup_steps=0)
  with pytest.raises(UserError, match=r'not finite after step 1|ELBO of val is') as refused:
    train(spoiling, random_dataset(), tmp_path / 'run')
  assert 'start again in another --workdir with a smaller learning_rate' in str(refused.value)
  assert load_run(tmp_path / 'run').step == 0 and _finite(load_run(tmp_path / 'run').params)
  smaller = spoiling.replace(learning_rate=1e-4)
  assert _finite(train(smaller, random_dataset(), tmp_path / 'another').params)


@pytest.mark.parametrize('number', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('part', ['params', 'training'])
def test_a_state_with_a_number_that_is_not_finite_is_never_saved(tmp_path, number, part):
  run = random_run()
  tiny_checkpoint.save(run, tmp_path)
  state = tiny_checkpoint.state_of(run, 4)
  leaves, tree = jax.tree.flatten(state.params if part == 'params' else state.opt_state)
  chosen = next(i for i, leaf in enumerate(leaves) if leaf.ndim)
  leaves[chosen] = np.asarray(leaves[chosen]).copy()
  leaves[chosen].flat[0] = number
  field = 'params' if part == 'params' else 'opt_state'
  state = state._replace(**{field: jax.tree.unflatten(tree, leaves)})
  batches = tiny_checkpoint.make_batches()
  with (
    pytest.raises(UserError, match=rf'{part}\[.*\] is not finite after step 4'),
    Checkpoints(tmp_path) as checkpoints,
  ):
    checkpoints.save(state, batches, run.config, run.ranges)
  assert load_run(tmp_path).step == 3


def test_a_checkpoint_is_begun_only_when_the_one_before_it_is_on_disk(tmp_path):
  # Hence a killed run loses at most twice `checkpoint_every` steps.
  run, seen = random_run(), []
  with Checkpoints(tmp_path) as checkpoints:
    for step in range(1, 5):
      batches = tiny_checkpoint.make_batches()
      checkpoints.save(tiny_checkpoint.state_of(run, step), batches, run.config, run.ranges)
      seen.append(load_run(tmp_path).step if step > 1 else 0)
  assert all(found >= step - 1 for step, found in enumerate(seen, 1))


def test_a_validation_that_is_not_finite_stops_the_run_and_is_not_the_best(tmp_path):
  dataset = random_dataset()
  dataset.splits['val'][1]['haptics'][:] = np.nan
  with pytest.raises(UserError, match='ELBO of val is nan after step 1: .* the split val'):
    train(tiny_config(**_FIELDS), dataset, tmp_path)
  assert load_run(tmp_path).step == 0
  # With its scenes put right, the same command goes on.
  train(tiny_config(**_FIELDS), random_dataset(), tmp_path)
  assert load_run(tmp_path, best=True).step == 1


def _fail(*_):
  raise AssertionError('no pictures here')


def _fail_to_write(*_):
  raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize('failure', [_fail, _fail_to_write])
def test_a_picture_that_fails_ends_no_run(tmp_path, capsys, monkeypatch, failure):
  monkeypatch.setattr('gmn_jax.training.samples.save_picture', failure)
  train(tiny_config(**_FIELDS), random_dataset(), tmp_path)
  (line,) = [line for line in capsys.readouterr().err.splitlines() if 'sample picture' in line]
  assert 'of step 1 failed' in line and 'training goes on' in line
  assert load_run(tmp_path).step == 1


def test_a_finished_run_says_so_before_anything_is_compiled(tmp_path, capsys, monkeypatch):
  state = train(tiny_config(**_FIELDS), random_dataset(), tmp_path)
  for name in ('_compile', 'step_flops'):
    monkeypatch.setattr(training, name, lambda *_: pytest.fail('something was compiled'))
  capsys.readouterr()
  again = train(tiny_config(**_FIELDS), random_dataset(), tmp_path)
  (line,) = capsys.readouterr().err.splitlines()
  assert f'{tmp_path} is finished' in line and '1 steps' in line
  for a, b in zip(jax.tree.leaves(state.params), jax.tree.leaves(again.params), strict=True):
    np.testing.assert_array_equal(a, b)
  # A signal that comes while nothing looks for it is not swallowed.
  monkeypatch.setattr(Checkpoints, 'wait', lambda self: signal.raise_signal(signal.SIGTERM))
  with pytest.raises(Interrupted, match='SIGTERM after step 1'):
    train(tiny_config(**_FIELDS), random_dataset(), tmp_path)


def test_a_run_trains_in_any_thread_beside_a_damaged_log(tmp_path):
  config, found = tiny_config(steps=2, validate_every=9, sample_every=9), []
  train(config.replace(steps=1), random_dataset(), tmp_path)
  with (tmp_path / 'metrics.jsonl').open('ab') as log:
    log.write(b'\xff{"step"\n')
  handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
  thread = threading.Thread(
    target=lambda: found.append(train(config, random_dataset(), tmp_path).step)
  )
  thread.start()
  thread.join()
  assert found == [2]
  assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  assert {json.loads(line)['step'] for line in lines} == {1, 2}
