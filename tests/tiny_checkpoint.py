"""Checkpoints of tiny runs, saved without any training."""

import functools
import json

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from gmn_jax.optimisers import make_optimizer
from gmn_jax.training import stored
from gmn_jax.training.checkpoint import Checkpoints
from gmn_jax.training.input import train_batches
from gmn_jax.training.manifest import FILE_NAME, write_manifest
from gmn_jax.training.train_step import TrainState
from tests import tiny_run


def state_of(run, step=3):
  """A state with the parameters of a run."""
  key = jax.random.key(0)
  return TrainState(run.params, make_optimizer(run.config).init(run.params), jnp.int32(step), key)


def make_batches():
  """An iterator at its beginning."""
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  return train_batches(tiny_run.random_dataset().splits['train'], 2, 0, here)


def save(run, workdir, steps=(3,), elbos=(None,), identity=()):
  """Saves checkpoints of some steps."""
  with Checkpoints(workdir, dict(identity)) as checkpoints:
    for step, elbo in zip(steps, elbos, strict=True):
      checkpoints.save(state_of(run, step), make_batches(), run.config, run.ranges, elbo)


@functools.cache
def _like(config):
  run = tiny_run.random_run(**config.to_dict())
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  shapes = jax.eval_shape(lambda: state_of(run))
  return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), shapes)


def restore(config, workdir, identity=(), accept_data=False, ranges=None):
  """The state of the last checkpoint, as a run of this config goes on with it."""
  with Checkpoints(workdir, dict(identity), accept_data) as checkpoints:
    ranges = tiny_run.random_run().ranges if ranges is None else ranges
    return checkpoints.restore(_like(config), make_batches(), config, ranges)


def folder_of(workdir):
  """The folder of the last checkpoint."""
  directory = workdir / 'checkpoints'
  return directory / str(max(ocp.utils.checkpoint_steps(directory)))


def rewrite(workdir, change):
  """Changes the description in the last checkpoint as another version would have written it."""
  folder = folder_of(workdir)
  path = folder / 'run' / 'metadata'
  description = json.loads(path.read_text())
  sums = description.pop('checksums')
  change(description)
  whole = stored.with_checksums(description, sums, {})
  path.write_text(json.dumps(whole))
  write_manifest(folder)


def make_old(workdir):
  """Takes from the last checkpoint what versions before checksums did not write."""
  folder = folder_of(workdir)
  path = folder / 'run' / 'metadata'
  description = json.loads(path.read_text())
  for name in ('checksums', 'identity', 'versions'):
    del description[name]
  path.write_text(json.dumps(description))
  (folder / FILE_NAME).unlink()
