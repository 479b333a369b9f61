"""Checkpoints of a run: all that is needed to continue it bit for bit, and to use its model.

A checkpoint holds `params`; `training` (optimiser, step, key); `data`, the state of the input
iterator; and `run`, the config, the ranges of the senses, what the data are, and checksums of all
of it. They are written in the background, and appear only when complete.
"""

import pathlib
import types
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import grain
import jax
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from gmn_jax.config import Config, make_model
from gmn_jax.model import parameter_shapes
from gmn_jax.senses import Ranges
from gmn_jax.training import checksum
from gmn_jax.training.best import ELBO, best_step, elbo_of, set_aside_unreadable
from gmn_jax.training.description import (
  check_same_data,
  check_same_run,
  describe,
  read_config,
  read_ranges,
)
from gmn_jax.training.distributed import leads
from gmn_jax.training.exported import is_exported, read_model
from gmn_jax.training.manifest import write_manifest
from gmn_jax.training.run import Run
from gmn_jax.training.spoiled import spoiled
from gmn_jax.training.stored import Stored, with_checksums
from gmn_jax.training.train_step import TrainState
from mese_env.errors import UserError, quoted
from mese_env.remarks import without_remarks

# The last ones, so that one that turns out to be damaged does not end a run; and the best one.
_KEPT = 2
_UNFINISHED = '*.orbax-checkpoint-tmp*'
# Orbax remarks that a checkpoint is saved without a validation.
_REMARKS = ('Requested `tracked_metric`',)


class Checkpoints:
  """The checkpoints in `workdir/checkpoints`; a context that at its end waits for the last one to
  be on disk.

  Args:
    workdir: of the run.
    identity: of its dataset.
    accept_data: whether the run may go on with a dataset of another identity.

  Raises:
    UserError: the folder cannot be made, or is that of an exported model.
  """

  def __init__(
    self,
    workdir: str | pathlib.Path,
    identity: Mapping[str, Any] = types.MappingProxyType({}),
    accept_data: bool = False,
  ):
    self.directory = pathlib.Path(workdir).absolute() / 'checkpoints'
    self._identity, self._accept_data = identity, accept_data
    if is_exported(pathlib.Path(workdir)):
      raise UserError(
        f'{workdir} holds an exported model, without what training needs; give another --workdir.'
      )
    try:
      self.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise UserError(
        f'cannot make the folder {self.directory} ({error.strerror}); give another --workdir.'
      ) from error
    if leads():
      set_aside_unreadable(self.directory)
    if jax.process_count() > 1:
      multihost_utils.sync_global_devices('checkpoints can be read')
    self._manager = _manager(self.directory)

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
  ) -> None:
    self._manager.close()

  @property
  def latest_step(self) -> int | None:
    """Of the last complete checkpoint; None without one."""
    return self._manager.latest_step()

  def save(
    self,
    state: TrainState,
    batches: grain.DatasetIterator,
    config: Config,
    ranges: Ranges,
    elbo: float | None = None,
  ) -> None:
    """Starts to write a checkpoint of the state's step, unless there is one.

    The last ones are kept, and the one with the highest `elbo`, if that was measured. What went
    wrong in the background while one was written is raised here, by the next one or by `wait`.

    Raises:
      UserError: a number of the state is not finite.
    """
    step = int(state.step)
    if step == self.latest_step:
      return
    # The same in every process of the run, so that another number of them can go on from it.
    data = batches.get_state()
    arrays = {'params': state.params, 'training': _training(state)}
    summaries = {item: checksum.summarise(tree) for item, tree in arrays.items()}
    for item, summary in summaries.items():
      if bad := [name for name, of in summary.items() if not of.finite]:
        raise spoiled(f'{item}{bad[0]} is not finite after step {step}, which is not saved')
    sums = {
      item: {name: of.checksum for name, of in summary.items()}
      for item, summary in summaries.items()
    }
    description = describe(config, ranges, self._identity)
    items = ocp.args.Composite(
      **{item: ocp.args.StandardSave(tree) for item, tree in arrays.items()},
      data=ocp.args.JsonSave(data),
      run=ocp.args.JsonSave(with_checksums(description, sums, {'data': data})),
    )
    # Nothing else is being written when the manifest of this one is.
    self._manager.wait_until_finished()
    with without_remarks('absl', *_REMARKS):
      self._manager.save(step, args=items, metrics=None if elbo is None else {ELBO: elbo})

  def wait(self) -> None:
    """Returns when the last checkpoint is on disk."""
    self._manager.wait_until_finished()

  def restore(
    self, like: TrainState, batches: grain.DatasetIterator, config: Config, ranges: Ranges
  ) -> TrainState:
    """The state of the last checkpoint; sets the iterator to where it was.

    Args:
      like: `jax.ShapeDtypeStruct`s with the shardings wanted, whatever those of the run that saved
        it.
      batches: the iterator, made as for the run that saved it.
      config: of the run that is to go on.
      ranges: of its dataset.

    Raises:
      UserError: the checkpoint is of another config or of other data, and what of them differs; or
        it cannot be read.
    """
    step = self.latest_step
    if step is None:
      raise UserError(f'there is no checkpoint in {self.directory} to go on from; train first.')
    stored = Stored(self.directory / str(step), 'params', 'training', 'data')
    check_same_run(stored.run, config, self.directory.parent, self._accept_data)
    if not self._accept_data:
      check_same_data(stored.run, self._identity, ranges, self.directory.parent)
    params = stored.arrays('params', like.params)
    training = stored.arrays('training', _training(like))
    batches.set_state(stored.record('data'))
    return TrainState(params, *training)


def load_run(workdir: str | pathlib.Path, best: bool = False) -> Run:
  """The model of a run's last checkpoint, on the default device; needs no dataset.

  Args:
    workdir: of the run; or a folder that `exported.save_model` wrote, which holds one model.
    best: take the checkpoint with the highest ELBO in validation instead of the last one.

  Raises:
    UserError: there is no such checkpoint, it is damaged, or another version wrote it, whose config
      lacks what the model needs.
  """
  workdir = pathlib.Path(workdir)
  directory = workdir.absolute() / 'checkpoints'
  if is_exported(workdir):
    if best:
      raise UserError(
        f'{workdir} holds one model, and no checkpoints to choose the best of; leave --best out.'
      )
    return read_model(workdir).run
  steps = ocp.utils.checkpoint_steps(directory) if directory.is_dir() else []
  if not steps:
    raise UserError(
      f'there is no checkpoint in {workdir}; train one with --mode=train '
      f'--workdir={quoted(workdir)}.'
    )
  step = best_step(directory) if best else max(steps)
  if step is None:
    raise UserError(
      f'no validation measured a checkpoint in {workdir}, so that none is the best; take the '
      'last one.'
    )
  stored = Stored(directory / str(step), 'params')
  config = read_config(stored.run, workdir)
  model = make_model(config)
  sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  like = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
    parameter_shapes(model),
  )
  params = stored.arrays('params', like)
  return Run(config, model, params, read_ranges(stored.run), step, stored.run.get('identity') or {})


def _manager(directory: pathlib.Path) -> ocp.CheckpointManager:
  """Of the checkpoints in a folder; each gets its manifest before it appears."""

  def write_down() -> None:
    (unfinished,) = directory.glob(_UNFINISHED)
    write_manifest(unfinished)

  policy = ocp.checkpoint_managers
  return ocp.CheckpointManager(
    directory,
    item_names=('params', 'training', 'data', 'run'),
    options=ocp.CheckpointManagerOptions(
      best_fn=elbo_of,
      preservation_policy=policy.AnyPreservationPolicy(
        [
          policy.LatestN(_KEPT),
          policy.BestN(get_metric_fn=elbo_of, n=1, keep_checkpoints_without_metrics=False),
        ]
      ),
      cleanup_tmp_directories=True,
      async_options=ocp.options.AsyncOptions(post_finalization_callback=write_down),
    ),
  )


def _training(state: TrainState) -> tuple:
  return state.opt_state, state.step, state.key
