"""How a model fares with combinations of modalities that its training scenes lacked (Figure 5).

  python experiments/main.py --workdir=RUN --mode=missing --runs=OTHER_RUN,ANOTHER_RUN

Learning curves of several runs in one figure, from what they wrote while they trained: `train`;
`val_missing`, on the combinations of the training scenes; `val_full`, on any. And after training
the bound on any combination, by how many modalities give context; of every scene the same views are
asked for whatever is given, so that the numbers can be compared.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.evaluation import results
from experiments.evaluation.contract import Evaluation, Panel, Setting
from experiments.evaluation.fitting import Fitting, fit_scenes, fit_split, stock_of
from experiments.evaluation.learning_curves import read_curves
from experiments.evaluation.missing_elbo import elbos_by_size
from experiments.evaluation.missing_records import Overlaid, splits_of
from experiments.evaluation.scenes import complete_scenes, stack_scenes, survey
from experiments.figures import missing as missing_figures
from gmn_jax.senses import count_views, senses_of
from gmn_jax.training.checkpoint import Run, load_run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset


@dataclasses.dataclass(frozen=True)
class Options:
  """Which runs, and on what they are measured."""

  # Folders of other runs, of the same modalities, drawn beside this one.
  runs: tuple[str, ...] = ()
  # Scenes on which the runs are measured, the first ones of the split.
  scenes: int = 100
  # Episodes of each scene for each number of modalities: which ones, and how many of their views.
  draws: int = 4
  # Views of every modality that are asked for, the last ones; the others are there to be given.
  asked: int = 5
  # The split.
  split: str = 'val'
  # Of the episodes and the noise, the same for all runs.
  seed: int = 0
  # Take every run's best checkpoint instead of its last one.
  best: bool = False

  def __post_init__(self):
    require_at_least(self, scenes=1, draws=1, asked=1, seed=0)


def measure(setting: Setting[Options]) -> dict[str, Overlaid]:
  """Reads the curves and measures the runs, by their names.

  Raises:
    UserError: a run has no checkpoint or no metrics, or other modalities than this one.
  """
  options = setting.options
  folders = [setting.workdir, *map(pathlib.Path, options.runs)]
  names = _names(folders)
  runs = [setting.run, *(load_run(folder, options.best) for folder in folders[1:])]
  of_first = runs[0].config
  for name, other in zip(names[1:], runs[1:], strict=True):
    if other.model.modalities != setting.run.model.modalities:
      raise UserError(
        f'{name} has the modalities {other.config.modalities} of images of '
        f'{other.config.image_size} pixels, and {names[0]} {of_first.modalities} of '
        f'{of_first.image_size}; overlay runs that share both.'
      )
  curves = [read_curves(folder) for folder in folders]
  modalities = setting.run.model.modalities
  usual = survey(setting.dataset, options.split, modalities).views_for(options.asked + 1)
  scenes = stack_scenes(
    complete_scenes(setting.dataset, options.split, options.scenes, modalities, usual), modalities
  )
  if options.asked >= (views := count_views(modalities, scenes)[1]):
    raise UserError(f'--asked is {options.asked}, but a scene has {views} views; ask for fewer.')
  found = {}
  for name, run, of_run in zip(names, runs, curves, strict=True):
    of_scenes = elbos_by_size(
      run, scenes, asked=options.asked, draws=options.draws, seed=options.seed
    )
    # Of each scene by itself, so that what scenes differ by does not hide it.
    above = {size: of_scenes[size] - of_scenes[1] for size in of_scenes if size > 1}
    found[name] = Overlaid(
      run.config.to_dict(), run.step, of_run, _summed_up(of_scenes), _summed_up(above)
    )
  return found


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  fitting, modalities = Fitting(options), run.model.modalities
  stock = stock_of(datasets, fit_split(fitting, datasets), modalities)
  if lacking := [s.field for s in senses_of(modalities) if s not in stock.senses]:
    raise UserError(
      f'no scene has {" or ".join(lacking)}, so that not every modality can give context; the mode '
      'missing needs scenes of all senses.'
    )
  asked = options.asked + 1
  views = stock.views_for(2 if fitting.is_default('asked') else asked)
  if views < 2:
    raise UserError(
      'a scene has one view of each sense, and none to give beside the one asked for; the mode '
      'missing needs scenes of two views.'
    )
  if asked > views:
    fitting.use(
      'asked',
      max(1, min(options.asked, views // 3)),
      f'a scene has {results.counted(views, "views")}',
    )
  fit_scenes(fitting, 'scenes', stock, views, 1)
  return fitting.done()


def _summed_up(of_scenes: Mapping[int, np.ndarray]) -> dict[int, tuple[float, float]]:
  """Means and standard errors over scenes."""
  return {size: tuple(map(float, results.mean_and_error(x))) for size, x in of_scenes.items()}


def _names(folders: Sequence[pathlib.Path]) -> list[str]:
  """Short names of the folders if they differ, else whole ones."""
  short = [folder.resolve().name for folder in folders]
  names = short if len(set(short)) == len(short) else [str(folder) for folder in folders]
  if len(set(names)) < len(names):
    raise UserError(f'a run is given twice among {", ".join(names)}; --workdir is one of them.')
  return names


def _tables(found: Mapping[str, Overlaid], setting: Setting[Options]) -> list[results.Table]:
  del setting
  by_size = {name: of.by_size for name, of in found.items()}
  above_one = {name: of.above_one for name, of in found.items()}
  what = {name: str(of) for name, of in found.items()}
  return [
    _curve_table(found),
    _size_table('By how many modalities give context: bound, nats per number', by_size, what),
    _size_table('How much more than with one of them: nats per number', above_one, what),
  ]


def _curve_table(found: Mapping[str, Overlaid]) -> results.Table:
  splits = splits_of(found)
  rows = []
  for name, of in found.items():
    ends = [_end(of.curves[split]) if split in of.curves else '-' for split in splits]
    rows.append([name, str(of), *ends])
  return results.Table(
    'Where the curves end: bound, nats per episode', ['run', 'what', *splits], rows
  )


def _end(curve: Mapping[str, list[float]]) -> str:
  if 'elbo_error' not in curve:
    return f'{curve["elbo"][-1]:.1f}'
  return results.with_error(curve['elbo'][-1], curve['elbo_error'][-1], 1)


def _size_table(
  title: str, by_size: Mapping[str, Mapping[int, tuple[float, float]]], what: Mapping[str, str]
) -> results.Table:
  sizes = next(iter(by_size.values()))
  rows = [
    [name, what[name], *(results.with_error(*of[size], 4) for size in sizes)]
    for name, of in by_size.items()
  ]
  return results.Table(title, ['run', 'what', *(f'of {size}' for size in sizes)], rows)


def _notes(found: Mapping[str, Overlaid], setting: Setting[Options]) -> list[str]:
  del found
  options = setting.options
  return [
    'Evidence lower bound in nats, every Gaussian constant in place. val_missing: combinations '
    'that the training scenes have; val_full: any; val: all modalities. Curves of runs that '
    'differ in protocol count different targets; by number of modalities all count the same.',
    f'By number of modalities: the last {options.asked} views of every modality are asked for, '
    f'{options.draws} random contexts for each of the first {options.scenes} scenes of '
    f"'{options.split}', ± standard error over scenes. Those of more modalities hold those of "
    'fewer.',
  ]


def _by_size(written: Mapping[str, Any]) -> dict[float, float]:
  # The run itself comes before those that it is overlaid with.
  of_run = next(iter(written.values()))
  return {int(size): mean for size, (mean, _) in of_run['by_size'].items()}


def _headlines(written: Mapping[str, Any]) -> dict[str, float]:
  by_size = _by_size(written)
  numbers = {
    f'context of {size} {"modality" if size == 1 else "modalities"} (nats per number)': mean
    for size, mean in by_size.items()
  }
  more = by_size[max(by_size)] - by_size[1]
  return numbers | {'all modalities above one (nats per number)': more}


MODE = Evaluation(
  name='missing',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=_tables,
  notes=_notes,
  figures=lambda found, setting, title: {'': missing_figures.draw(found)},
  enough=lambda options: {options.split: options.scenes},
  fitted=_fitted,
  headlines=_headlines,
  panels=[
    Panel(
      'any combination, after training',
      'modalities that give context',
      'nats per number',
      _by_size,
    )
  ],
)
