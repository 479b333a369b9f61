"""Checkpoints of a run: all that is needed to continue it bit for bit, and to use its model.

A checkpoint holds `params`; `training` (optimiser, step, key); `data`, the state of the input
iterator; and `run`, the config and the ranges of the senses. They are written in the background,
and appear only when complete.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import grain
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from gmn_jax.config import Config, ModelConfig, differences, make_model, preset
from gmn_jax.model import GMN, parameter_shapes
from gmn_jax.senses import HAPTIC, Range, Ranges
from gmn_jax.training.train_step import TrainState
from mese_env.errors import UserError
from mese_env.remarks import without_remarks

# The last ones, so that one that turns out to be damaged does not end a run; and the best one.
_KEPT = 2
_METRIC = 'elbo'
# Orbax remarks that a checkpoint is saved without a validation, and that a folder is only read.
_REMARKS = ('Requested `tracked_metric`', 'Given directory is read only')


class Run(NamedTuple):
  """A trained model and what it was trained with.

  Attributes:
    config: of the run.
    model: the network.
    params: its parameters.
    ranges: of the senses, over the training split.
    step: how many steps it was trained.
  """

  config: Config
  model: GMN
  params: Any
  ranges: Ranges
  step: int


class Checkpoints:
  """The checkpoints in `workdir/checkpoints`; a context that at its end waits for the last one to
  be on disk.

  Raises:
    UserError: the folder cannot be made or written.
  """

  def __init__(self, workdir: pathlib.Path):
    self.directory = workdir.absolute() / 'checkpoints'
    try:
      self.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise UserError(
        f'cannot make the folder {self.directory} ({error.strerror}); give another --workdir.'
      ) from error
    self._manager = ocp.CheckpointManager(
      self.directory,
      item_names=('params', 'training', 'data', 'run'),
      options=_options(cleanup_tmp_directories=True),
    )

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
    """
    step = int(state.step)
    if step == self.latest_step:
      return
    items = ocp.args.Composite(
      params=ocp.args.StandardSave(state.params),
      training=ocp.args.StandardSave(_training(state)),
      # The same in every process of the run, so that another number of them can go on from it.
      data=ocp.args.JsonSave(batches.get_state()),
      run=ocp.args.JsonSave(_description(config, ranges)),
    )
    metrics = None if elbo is None else {_METRIC: elbo}
    with without_remarks('absl', *_REMARKS):
      self._manager.save(step, args=items, metrics=metrics)

  def wait(self) -> None:
    """Returns when the last checkpoint is on disk."""
    self._manager.wait_until_finished()

  def restore(self, like: TrainState, batches: grain.DatasetIterator, config: Config) -> TrainState:
    """The state of the last checkpoint; sets the iterator to where it was.

    Args:
      like: `jax.ShapeDtypeStruct`s with the shardings wanted, whatever those of the run that saved
        it.
      batches: the iterator, made as for the run that saved it.
      config: of the run that is to go on.

    Raises:
      UserError: the checkpoint is of another config; names the fields.
    """
    step = self.latest_step
    if step is None:
      raise UserError(f'there is no checkpoint in {self.directory} to go on from; train first.')
    stored = _restore_run(self._manager, step)
    if differing := differences(stored['config'], config.to_dict()):
      raise UserError(
        f'{self.directory.parent} holds another run, with {", ".join(differing)}; give another '
        '--workdir or the same values.'
      )
    restored = _restore(
      self._manager,
      step,
      params=ocp.args.StandardRestore(like.params),
      training=ocp.args.StandardRestore(_training(like)),
      data=ocp.args.JsonRestore(),
    )
    batches.set_state(restored.data)
    return TrainState(restored.params, *restored.training)


def load_run(workdir: pathlib.Path, best: bool = False) -> Run:
  """The model of a run's last checkpoint, on the default device; needs no dataset.

  Args:
    workdir: of the run.
    best: take the checkpoint with the highest ELBO in validation instead of the last one.

  Raises:
    UserError: there is no such checkpoint, it is damaged, or another version wrote it, whose config
      lacks what the model needs.
  """
  directory = pathlib.Path(workdir).absolute() / 'checkpoints'
  steps = ocp.utils.checkpoint_steps(directory) if directory.is_dir() else []
  if not steps:
    raise UserError(
      f'there is no checkpoint in {workdir}; train one with --mode=train --workdir={workdir}.'
    )
  # What reading does not do either; orbax warns of the defaults.
  options = _options(read_only=True, save_interval_steps=0, create=False)
  with without_remarks('absl', *_REMARKS):
    manager = ocp.CheckpointManager(directory, item_names=('params', 'run'), options=options)
  with manager:
    step = manager.best_step() if best else manager.latest_step()
    if step is None:
      raise UserError(
        f'no validation measured a checkpoint in {workdir}, so that none is the best; take the '
        'last one.'
      )
    stored = _restore_run(manager, step)
    config = _read_config(stored['config'], workdir)
    model = make_model(config)
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    like = jax.tree.map(
      lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
      parameter_shapes(model),
    )
    params = _restore(manager, step, params=ocp.args.StandardRestore(like)).params
  return Run(config, model, params, _ranges(stored), step)


def save_model(run: Run, workdir: pathlib.Path) -> None:
  """Writes what `load_run` reads of a run, and nothing that training needs, to a new folder.

  Args:
    run: as `load_run` gives it.
    workdir: the folder; `load_run` reads the same model from it.

  Raises:
    UserError: there are checkpoints already, or it cannot be written.
  """
  directory = pathlib.Path(workdir).absolute() / 'checkpoints'
  if directory.exists():
    raise UserError(f'{workdir} holds checkpoints already; give another folder.')
  try:
    directory.mkdir(parents=True)
    with (
      without_remarks('absl', *_REMARKS),
      ocp.CheckpointManager(directory, item_names=('params', 'run'), options=_options()) as manager,
    ):
      manager.save(
        run.step,
        args=ocp.args.Composite(
          params=ocp.args.StandardSave(run.params),
          run=ocp.args.JsonSave(_description(run.config, run.ranges)),
        ),
      )
  except OSError as error:
    raise UserError(f'cannot write {directory} ({error.strerror}); give another folder.') from error


def _description(config: Config, ranges: Ranges) -> dict[str, Any]:
  return {
    'config': config.to_dict(),
    'ranges': {
      name: {end: np.asarray(numbers).tolist() for end, numbers in span._asdict().items()}
      for name, span in ranges.items()
    },
  }


def _ranges(stored: Mapping[str, Any]) -> Ranges:
  """The ranges that a checkpoint holds; older ones hold that of haptics alone, in two fields."""
  if 'ranges' in stored:
    spans = stored['ranges']
  else:
    spans = {HAPTIC.name: {'low': stored['haptic_min'], 'high': stored['haptic_max']}}
  return {
    name: Range(**{end: jnp.array(numbers, jnp.float32) for end, numbers in span.items()})
    for name, span in spans.items()
  }


def _read_config(stored: Mapping[str, Any], workdir: pathlib.Path) -> Config:
  """The config that a checkpoint holds, perhaps of an older version."""
  # What versions added to training is switched off in the authors' recipe, as it was before.
  known = preset('full').to_dict()
  model_s = {field.name for field in dataclasses.fields(ModelConfig)}
  if unlike := sorted(model_s - set(stored)):
    difference = f"has no '{unlike[0]}'"
  elif unlike := sorted(set(stored) - set(known)):
    difference = f"has a field '{unlike[0]}' that is unknown here"
  else:
    return Config.from_flat({**known, **stored})
  raise UserError(
    f'the run in {workdir} is of another version, whose config {difference}; use it with that '
    'version, or train it again in another --workdir.'
  )


def _options(**options) -> ocp.CheckpointManagerOptions:
  policy = ocp.checkpoint_managers
  return ocp.CheckpointManagerOptions(
    best_fn=_elbo,
    preservation_policy=policy.AnyPreservationPolicy(
      [
        policy.LatestN(_KEPT),
        policy.BestN(get_metric_fn=_elbo, n=1, keep_checkpoints_without_metrics=False),
      ]
    ),
    **options,
  )


def _elbo(metrics: Mapping[str, float]) -> float:
  return metrics[_METRIC]


def _training(state: TrainState) -> tuple:
  return state.opt_state, state.step, state.key


def _restore_run(manager: ocp.CheckpointManager, step: int) -> Mapping[str, Any]:
  return _restore(manager, step, run=ocp.args.JsonRestore()).run


def _restore(manager: ocp.CheckpointManager, step: int, **items) -> Any:
  try:
    return manager.restore(step, args=ocp.args.Composite(**items))
  except Exception as error:  # What is raised depends on which file is damaged.
    others = sorted(set(manager.all_steps()) - {step})
    remedy = f'to go on from step {others[-1]}' if others else 'to start again'
    reason = str(error).strip().splitlines()[0][:200]
    raise UserError(
      f'the checkpoint {manager.directory / str(step)} cannot be read ({reason}); delete that '
      f'folder {remedy}.'
    ) from error
