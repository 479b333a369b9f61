"""How a model fares with combinations of modalities that its training scenes lacked (Figure 5).

  python experiments/main.py --workdir=RUN --mode=missing --runs=OTHER_RUN,ANOTHER_RUN

Learning curves of several runs in one figure, from what they wrote while they trained: `train`;
`val_missing`, on the combinations of the training scenes; `val_full`, on any. And after training
the bound of `val_full` by how many modalities may give context, every scene with every number.

Dims: B scenes, M modalities.
"""

import dataclasses
import functools
import json
import math
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.modes import figures, results
from experiments.modes.scenes import first_scenes, stack_scenes
from gmn_jax.batch import HapticRange, cut_scenes, draw_episodes
from gmn_jax.checkpoint import Run, load_run
from gmn_jax.metrics import FILE_NAME
from gmn_jax.model import GMN, draw_noise
from gmn_jax.objective import evidence
from mese_env.errors import UserError
from tfds_mese.reading import Dataset

Array = jax.Array
Curves = dict[str, dict[str, list[float]]]
_BLOCK = 10  # scenes measured at once
_SMOOTHED = 25  # points of a curve of training, each the mean of as many lines as that takes


@dataclasses.dataclass(frozen=True)
class Options:
  """Which runs, and on what they are measured."""

  # Folders of other runs, of the same modalities, drawn beside this one.
  runs: tuple[str, ...] = ()
  # Scenes on which the runs are measured, the first ones of the split.
  scenes: int = 100
  # Episodes of each scene for each number of modalities.
  draws: int = 4
  # The split.
  split: str = 'val'
  # Of the episodes and the noise, the same for all runs.
  seed: int = 0
  # Take every run's best checkpoint instead of its last one.
  best: bool = False

  def __post_init__(self):
    for field in ('scenes', 'draws'):
      if getattr(self, field) < 1:
        raise UserError(f'--{field} is {getattr(self, field)}; it must be at least 1.')
    if self.seed < 0:
      raise UserError(f'--seed is {self.seed}; it must not be negative.')


def evaluate(
  run: Run, dataset: Dataset, workdir: pathlib.Path, options: Options
) -> results.Results:
  """Reads the curves, measures the runs, and writes `missing.json`, `.txt` and `.png`.

  Raises:
    UserError: a run has no checkpoint or no metrics, or other modalities than this one.
  """
  began = time.monotonic()
  folders = [workdir, *map(pathlib.Path, options.runs)]
  names = _names(folders)
  runs = [run, *(load_run(folder, options.best) for folder in folders[1:])]
  for name, other in zip(names[1:], runs[1:], strict=True):
    if other.model.modalities != run.model.modalities:
      raise UserError(
        f'{name} has the modalities {other.config.modalities} of images of '
        f'{other.config.image_size} pixels, and {names[0]} {run.config.modalities} of '
        f'{run.config.image_size}; overlay runs that share both.'
      )
  curves = {name: learning_curves(folder) for name, folder in zip(names, folders, strict=True)}
  scenes = stack_scenes(first_scenes(dataset, options.split, options.scenes))
  by_size = {name: _measure(one, scenes, options) for name, one in zip(names, runs, strict=True)}
  what = {name: _describe(one) for name, one in zip(names, runs, strict=True)}
  found = results.Results(
    'missing',
    run,
    options,
    [run.config.dataset],
    {
      name: {
        'config': one.config.to_dict(),
        'step': one.step,
        'curves': curves[name],
        'by_size': by_size[name],
      }
      for name, one in zip(names, runs, strict=True)
    },  # fmt: skip
    [_curve_table(curves, what), _size_table(by_size, what)],
    [
      'Evidence lower bound in nats, every Gaussian constant in place. val_missing: combinations '
      'that the training scenes have; val_full: any; val: all modalities.',
      f'By number of modalities: {options.draws} episodes of each of the first {options.scenes} '
      f"scenes of '{options.split}', ± standard error over scenes; divided by how many numbers are "
      'asked for, which the more context leaves the fewer.',
    ],
    time.monotonic() - began,
  )
  results.write(found, {'': _draw(curves, by_size)}, workdir)
  return found


def learning_curves(workdir: pathlib.Path) -> Curves:
  """What a run wrote of its bound while it trained.

  Returns:
    Per split `step`, `elbo` (nats) and `elbo_error` (its standard error over scenes, which 'train'
    does not have: it is averaged over lines instead).

  Raises:
    UserError: it wrote nothing.
  """
  path = workdir / FILE_NAME
  if not path.exists():
    raise UserError(f'there is no {path}; --runs takes folders of runs, as --workdir does.')
  curves: Curves = {}
  for text in path.read_text().splitlines():
    record = json.loads(text)
    curve = curves.setdefault(record['split'], {})
    for key in ('step', 'elbo', 'elbo_error'):
      if key in record:
        curve.setdefault(key, []).append(record[key])
  if 'train' in curves:
    lines = math.ceil(len(curves['train']['step']) / _SMOOTHED)
    curves['train'] = {key: _means(values, lines) for key, values in curves['train'].items()}
  return curves


def bound_per_number(
  model: GMN,
  params: Any,
  scenes: Mapping[str, Array],
  haptic_range: HapticRange,
  key: Array,
  size: Array,
  *,
  std: float,
  strict: bool,
) -> tuple[Array, Array]:
  """The bound of one episode per scene, in which `size` modalities may give context.

  Args:
    model: the network.
    params: its parameters.
    scenes: raw, as for `cut_scenes`.
    haptic_range: of the run.
    key: decides modalities, episodes and noise.
    size: how many modalities.
    std: of the likelihood.
    strict: whether the other modalities are not targets either.

  Returns:
    Nats, and nats per number asked for, (B,) each.
  """
  key_masks, key_episodes, key_noise = jax.random.split(key, 3)
  batch, views_per_modality = scenes['cameras'].shape[:2]
  count = len(model.modalities)
  gives_BM = jax.vmap(lambda k: jax.random.permutation(k, count) < size)(
    jax.random.split(key_masks, batch)
  )
  episodes = draw_episodes(key_episodes, batch, count, views_per_modality, gives_BM, strict)
  views = cut_scenes(model.modalities, scenes, haptic_range)
  parts = evidence(model, params, views, episodes, *draw_noise(model, key_noise, batch))
  sizes_M = jnp.array([m.size for m in model.modalities])
  bound_B = parts.log_likelihood(sizes_M, std).sum(axis=1) - parts.total_kl
  return bound_B, bound_B / (parts.targets * sizes_M).sum(axis=1)


def _measure(
  run: Run, scenes: dict[str, np.ndarray], options: Options
) -> dict[int, dict[str, tuple[float, float]]]:
  """The bound by how many modalities may give context: nats and nats per number, with errors."""
  strict = bool(run.config.missing) and run.config.protocol == 'strict'
  compute = jax.jit(
    functools.partial(bound_per_number, run.model, std=run.config.std, strict=strict)
  )

  def bounds(size: int, draw: int) -> np.ndarray:
    key = jax.random.fold_in(jax.random.key(options.seed), draw)
    blocks = []
    for start in range(0, len(scenes['cameras']), _BLOCK):
      block = {field: x[start : start + _BLOCK] for field, x in scenes.items()}
      key_block = jax.random.fold_in(key, start)
      blocks.append(compute(run.params, block, run.haptic_range, key_block, size))
    return np.concatenate(blocks, axis=1)

  measured = {}
  for size in range(1, len(run.model.modalities) + 1):
    nats, per_number = np.mean([bounds(size, draw) for draw in range(options.draws)], axis=0)
    measured[size] = {
      'nats': _mean_and_error(nats), 'nats_per_number': _mean_and_error(per_number)
    }  # fmt: skip
  return measured


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
  mean, error = results.mean_and_error(values)
  return float(mean), float(error)


def _names(folders: Sequence[pathlib.Path]) -> list[str]:
  """Short names of the folders if they differ, else whole ones."""
  short = [folder.resolve().name for folder in folders]
  names = short if len(set(short)) == len(short) else [str(folder) for folder in folders]
  if len(set(names)) < len(names):
    raise UserError(f'a run is given twice among {", ".join(names)}; --workdir is one of them.')
  return names


def _describe(run: Run) -> str:
  config = run.config
  lacks = f', {config.missing}, {config.protocol}' if config.missing else ''
  return f'{config.variant}, {config.absent}{lacks}, step {run.step:,}'


def _means(values: list[float], lines: int) -> list[float]:
  return [float(np.mean(values[i : i + lines])) for i in range(0, len(values), lines)]


def _curve_table(curves: Mapping[str, Curves], what: Mapping[str, str]) -> results.Table:
  splits = _splits(curves)
  rows = []
  for name, of in curves.items():
    rows.append([name, what[name], *(_end(of[split]) if split in of else '-' for split in splits)])
  return results.Table(
    'Where the curves end: bound, nats per episode', ['run', 'what', *splits], rows
  )


def _end(curve: Mapping[str, list[float]]) -> str:
  if 'elbo_error' not in curve:
    return f'{curve["elbo"][-1]:.1f}'
  return results.with_error(curve['elbo'][-1], curve['elbo_error'][-1], 1)


def _size_table(
  by_size: Mapping[str, Mapping[int, Mapping[str, tuple[float, float]]]], what: Mapping[str, str]
) -> results.Table:
  sizes = next(iter(by_size.values()))
  rows = [
    [name, what[name], *(results.with_error(*of[size]['nats_per_number'], 4) for size in sizes)]
    for name, of in by_size.items()
  ]
  heads = [f'of {size}' for size in sizes]
  return results.Table(
    'val_full by the number of modalities that may give context: bound, nats per number',
    ['run', 'what', *heads],
    rows,
  )


def _splits(curves: Mapping[str, Curves]) -> list[str]:
  known = ('train', 'val_missing', 'val_full', 'val')
  found = [split for split in known if any(split in of for of in curves.values())]
  # Where modalities are missing, `val` gives all of them: a point of the last panel.
  return found[:3] if 'val_full' in found else found


def _draw(
  curves: Mapping[str, Curves],
  by_size: Mapping[str, Mapping[int, Mapping[str, tuple[float, float]]]],
) -> Figure:
  splits = _splits(curves)
  figure, axes = figures.panels(1, len(splits) + 1, width=3.0, height=2.8)
  for axis, split in zip(axes[0], splits, strict=False):
    for index, (name, of) in enumerate(curves.items()):
      if split in of:
        curve = of[split]
        mean = np.array(curve['elbo'])
        error = np.array(curve.get('elbo_error', np.zeros_like(mean)))
        figures.line(axis, curve['step'], mean, error, index, name)
    figures.describe(axis, split, 'training step', 'bound (nats per episode)')
  axis = axes[0, -1]
  for index, (name, of) in enumerate(by_size.items()):
    mean, error = np.array([measured['nats_per_number'] for measured in of.values()]).T
    figures.line(axis, list(of), mean, error, index, name)
  figures.describe(
    axis,
    'val_full, after training',
    'modalities that may give context',
    'bound (nats per number)',
  )
  axis.set_xticks(list(next(iter(by_size.values()))))
  axis.legend(fontsize=7, frameon=False)
  return figure
