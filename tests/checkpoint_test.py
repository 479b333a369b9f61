"""A checkpoint that another version wrote."""

import jax
import jax.numpy as jnp
import pytest

from gmn_jax.checkpoint import Checkpoints, load_run
from gmn_jax.input import train_batches
from gmn_jax.optimizer import make_optimizer
from gmn_jax.train_step import TrainState
from mese_env.errors import UserError
from tests import tiny_run


def test_a_run_whose_config_lacks_what_the_model_needs_is_refused_by_name_of_field(tmp_path):
  run = tiny_run.random_run()
  key = jax.random.key(0)
  state = TrainState(run.params, make_optimizer(run.config).init(run.params), jnp.int32(0), key)
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  batches = train_batches(tiny_run.random_dataset().splits['train'], 2, 0, here)
  del run.config.latent
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(state, batches, run.config, run.haptic_range)
  with pytest.raises(UserError, match=r"no 'latent'; use it with .* another --workdir") as refused:
    load_run(tmp_path)
  assert str(tmp_path) in str(refused.value) and '\n' not in str(refused.value)
