"""Parameters carried from a trained model to one of larger images, to begin with.

Kernels of convolutions fit images of any size, and stay as they are. What has a number for each
cell of the latent grid is interpolated: initial representations, an anchor, and the rows or columns
of dense layers that read or write the grid. What reads it is scaled by how many cells it read
before and reads now, so that it finds about the same in a grid that is the same everywhere, and
just the same where the grid grew by a whole factor.

Dims: h w latent grid, C channels.
"""

import dataclasses
import math
import pathlib
from typing import Any

import jax
import numpy as np

from gmn_jax.config import Config, ModelConfig, make_model
from gmn_jax.model import parameter_shapes
from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.exported import is_exported
from gmn_jax.training.run import Run
from mese_env.errors import UserError

_Grid = tuple[int, int]
# What two models may differ in.
_FREE = {'image_size', 'dtype', 'remat'}


def check_start(config: Config, workdir: pathlib.Path) -> None:
  """Refuses to begin a run with a model that it cannot begin with; a begun one needs it no more.

  Raises:
    UserError: as `carried_params`.
  """
  if config.start_from and not any((workdir / 'checkpoints').glob('[0-9]*')):
    carried_params(config, model_to_start_from(config))


def model_to_start_from(config: Config) -> Run:
  """The model of `config.start_from`.

  Raises:
    UserError: there is none in that folder, or several processes train.
  """
  folder = pathlib.Path(config.start_from)
  if jax.process_count() > 1:
    raise UserError(
      f'start_from is {folder}, which one process alone can read; train one step with one process, '
      'and go on with all.'
    )
  if not is_exported(folder) and not any((folder / 'checkpoints').glob('[0-9]*')):
    raise UserError(
      f'start_from is {folder}, where there is no run and no saved model; give the folder of one.'
    )
  return load_run(folder)


def carried_params(config: Config, run: Run) -> Any:
  """A model's parameters, as the model of `config` takes them; on the host.

  Args:
    config: of the run that begins with them.
    run: the model.

  Raises:
    UserError: its images are larger, or the two differ in more than the size of images.
  """
  for field in dataclasses.fields(ModelConfig):
    theirs, ours = getattr(run.config, field.name), getattr(config, field.name)
    if field.name not in _FREE and theirs != ours:
      raise UserError(
        f'{field.name} is {ours!r}, but {theirs!r} in {config.start_from}, the model to start '
        f'from; give --config.{field.name}={theirs}.'
      )
  if run.config.image_size > config.image_size:
    raise UserError(
      f'image_size is {config.image_size}, but {run.config.image_size} in {config.start_from}; '
      'start from a model of images that are no larger.'
    )
  model = make_model(config)
  shapes = parameter_shapes(model)
  if jax.tree.structure(run.params) != jax.tree.structure(shapes):
    raise UserError(
      f'the model in {config.start_from} has other layers than one of {config.image_size} pixels, '
      'whose volume is finer; start from a model of images nearer in size.'
    )
  return jax.tree_util.tree_map_with_path(
    lambda path, old, new: _carried(
      np.asarray(old), new.shape, run.model.grid, model.grid, path[-1].key == 'kernel'
    ),
    run.params,
    shapes,
  )


def _carried(
  old: np.ndarray, shape: tuple[int, ...], from_grid: _Grid, to_grid: _Grid, is_kernel: bool
) -> np.ndarray:
  """One array in its new shape; of a kernel the last axis but one is what it reads."""
  axes = [n for n, (a, b) in enumerate(zip(old.shape, shape, strict=True)) if a != b]
  if not axes:
    return old
  first = axes[0]
  before, after = old.shape[:first], old.shape[first:]
  by_cell = after[:2] == from_grid  # Else one axis of h w C.
  inner = after[2:] if by_cell else (after[0] // math.prod(from_grid), *after[1:])
  cells = old.reshape(*before, *from_grid, *inner)
  cells = np.asarray(jax.image.resize(cells, (*before, *to_grid, *inner), 'linear'))
  if is_kernel and first == old.ndim - 2:
    cells = cells * (math.prod(from_grid) / math.prod(to_grid))
  return cells.reshape(shape).astype(old.dtype)
