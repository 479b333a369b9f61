"""A checkpoint that another version wrote, and one of a model alone."""

import chex
import jax
import jax.numpy as jnp
import pytest

from experiments import export
from gmn_jax.training.checkpoint import Checkpoints, load_run
from gmn_jax.training.input import train_batches
from gmn_jax.training.optimizer import make_optimizer
from gmn_jax.training.train_step import TrainState
from mese_env.errors import UserError
from tests import tiny_run


def _save(run, workdir):
  key = jax.random.key(0)
  state = TrainState(run.params, make_optimizer(run.config).init(run.params), jnp.int32(3), key)
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  batches = train_batches(tiny_run.random_dataset().splits['train'], 2, 0, here)
  with Checkpoints(workdir) as checkpoints:
    checkpoints.save(state, batches, run.config, run.ranges)


def test_an_exported_model_is_the_run_s_without_what_training_needs(tmp_path):
  run, workdir, copy = tiny_run.random_run(), tmp_path / 'run', tmp_path / 'copy'
  _save(run, workdir)
  export.main(['export.py', f'--workdir={workdir}', f'--to={copy}'])
  exported = load_run(copy)
  chex.assert_trees_all_equal(exported.params, run.params)
  chex.assert_trees_all_close(exported.ranges, run.ranges, rtol=0, atol=0)
  assert exported.step == 3 and exported.config.to_dict() == run.config.to_dict()
  assert list(workdir.rglob('training')) and not list(copy.rglob('training'))
  with pytest.raises(UserError, match='holds checkpoints already'):
    export.main(['export.py', f'--workdir={workdir}', f'--to={copy}'])


def test_a_run_whose_config_lacks_what_the_model_needs_is_refused_by_name_of_field(tmp_path):
  run = tiny_run.random_run()
  del run.config.latent
  _save(run, tmp_path)
  with pytest.raises(UserError, match=r"no 'latent'; use it with .* another --workdir") as refused:
    load_run(tmp_path)
  assert str(tmp_path) in str(refused.value) and '\n' not in str(refused.value)
