"""A checkpoint that another version wrote, and one of a model alone."""

import json

import chex
import jax
import jax.numpy as jnp
import pytest

from experiments import export
from gmn_jax.optimisers import make_optimizer
from gmn_jax.training.checkpoint import Checkpoints, load_run
from gmn_jax.training.input import train_batches
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


def _change_stored_config(workdir, change):
  """Makes the checkpoint one that another version wrote."""
  (path,) = workdir.glob('checkpoints/*/run/metadata')
  stored = json.loads(path.read_text())
  change(stored['config'])
  path.write_text(json.dumps(stored))


@pytest.mark.long
def test_an_exported_model_is_the_run_s_without_what_training_needs(tmp_path):
  run, workdir, copy = tiny_run.random_run(), tmp_path / 'run', tmp_path / 'copy'
  _save(run, workdir)
  export.main(['export.py', f'--workdir={workdir}', f'--to={copy}'])
  exported = load_run(copy)
  chex.assert_trees_all_equal(exported.params, run.params)
  chex.assert_trees_all_close(exported.ranges, run.ranges, rtol=0, atol=0)
  assert exported.step == 3 and exported.config == run.config
  assert list(workdir.rglob('training')) and not list(copy.rglob('training'))
  with pytest.raises(UserError, match='holds checkpoints already'):
    export.main(['export.py', f'--workdir={workdir}', f'--to={copy}'])


def test_a_run_whose_config_lacks_what_the_model_needs_is_refused_by_name_of_field(tmp_path):
  _save(tiny_run.random_run(), tmp_path)
  _change_stored_config(tmp_path, lambda fields: fields.pop('latent'))
  with pytest.raises(UserError, match=r"no 'latent'; use it with .* another --workdir") as refused:
    load_run(tmp_path)
  assert str(tmp_path) in str(refused.value) and '\n' not in str(refused.value)


def test_a_run_of_a_version_with_fewer_fields_loads_as_the_authors_recipe_has_them(tmp_path):
  run = tiny_run.random_run(withheld=0.25)
  _save(run, tmp_path)
  _change_stored_config(tmp_path, lambda fields: (fields.pop('few_steps'), fields.pop('withheld')))
  assert load_run(tmp_path).config == run.config.replace(few_steps=0, withheld=0.0)


def test_a_run_of_a_version_with_other_fields_is_refused_by_name_of_field(tmp_path):
  _save(tiny_run.random_run(), tmp_path)
  _change_stored_config(tmp_path, lambda fields: fields.update(temperature=2.0))
  with pytest.raises(UserError, match="field 'temperature' that is unknown here; use it with that"):
    load_run(tmp_path)
