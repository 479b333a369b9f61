"""What an evaluation is: one declaration, from which its command, page and comparison follow.

A module of `experiments.modes` declares `MODE = Evaluation(...)`: how a `Setting` is measured, and
how what was found is shown in tables, notes and figures. To open datasets, to time, to title and to
write are done here, alike for all.
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure

from experiments.datasets import open_or_build, with_enough
from experiments.evaluation import blocks, results
from experiments.evaluation.titles import title_of
from gmn_jax.training.checkpoint import Run
from tfds_mese.dataset import Dataset

Options = TypeVar('Options')
Found = TypeVar('Found')


@dataclasses.dataclass(frozen=True)
class Setting(Generic[Options]):
  """What an evaluation measures.

  Attributes:
    mode: the evaluation's name.
    run: the trained run.
    options: the evaluation's.
    datasets: whose scenes it takes, by name.
    workdir: of the run.
  """

  mode: str
  run: Run
  options: Options
  datasets: Mapping[str, Dataset]
  workdir: pathlib.Path

  @property
  def dataset(self) -> Dataset:
    """The dataset of an evaluation that takes one."""
    (dataset,) = self.datasets.values()
    return dataset

  @functools.cached_property
  def cache(self) -> pathlib.Path:
    """The folder of blocks, which everything that decides the numbers names."""
    word = blocks.fingerprint(self.run, [*self.datasets.values()], self.options)
    return self.workdir / 'cache' / f'{self.mode}-{word}'

  def in_blocks(self, count: int, compute: Callable[[int], blocks.Block]) -> blocks.Block:
    """Computes blocks 0 .. count - 1 and joins them; after an interruption only those missing.

    Args:
      count: of blocks.
      compute: the arrays of a block, scenes leading.
    """
    return blocks.in_blocks(self.cache, count, compute)


@dataclasses.dataclass(frozen=True)
class Panel:
  """A panel of the figure that compares runs.

  Attributes:
    title: of the panel.
    x: of its axis.
    y: of its axis, with the unit.
    read: y by x, from what the evaluation wrote under 'results'.
  """

  title: str
  x: str
  y: str
  read: Callable[[Mapping[str, Any]], Mapping[float, float]]


@dataclasses.dataclass(frozen=True)
class Mode:
  """What `main.py --mode=<name>` does with a trained run.

  Attributes:
    name: of the mode and of its files.
    doc: for a reader of --help; the docstring of its module.
    options: a frozen dataclass named `Options`, whose fields are the mode's options: each has a
      literal as its default and a comment above it, which --help shows.
  """

  name: str
  doc: str
  options: type

  def carry_out(self, run: Run, workdir: pathlib.Path, options: Any, build: bool) -> Any:
    """Does it.

    Args:
      run: the trained run.
      workdir: its folder.
      options: of this mode.
      build: whether to build datasets that are missing.

    Raises:
      UserError: an option asks for what there is not, or the folder cannot be written.
    """
    raise NotImplementedError


def own_dataset(run: Run, options: Any) -> Sequence[str]:
  """The name of the dataset that the run was trained on, or that the command gives instead."""
  del options
  return [run.config.dataset]


@dataclasses.dataclass(frozen=True)
class Evaluation(Mode, Generic[Options, Found]):
  """A mode that measures a run, and writes what it found.

  Attributes:
    measure: measures; what it returns is given to the functions below.
    tables: what was found, for people.
    notes: sentences that say what the numbers are: unit, estimator, how many scenes and samples.
    figures: by what their names add to the mode's, given the title: '' for `<mode>.png`, 'x' for
      `<mode>-x.png`.
    numbers: what is written as JSON: dataclasses, mappings, lists, arrays, numbers; none of them
      NaN or infinite. All that was found if not given.
    files: what writes further files, by name, to the path it is given.
    measured_on: what the title says besides the run, such as the scenes.
    datasets: the names of those whose scenes it takes, of the run and the options.
    enough: how many scenes of which split are enough for the options, so that a dataset which
      `--build` has to make need not have more; None: it takes all.
    instead: what it is measured on where it takes none.
    fitted: of the run, the datasets and the options, options that fit what these hold.
    headlines: the few numbers by which runs are compared, by a name that says the unit, from what
      was written under 'results'; None: runs are not compared by it.
    by_scene: of headlines that are means over scenes what they were of each, in the scenes' order,
      from the same; headlines of which that was not kept are left out.
    panels: of the figure that compares runs.
  """

  measure: Callable[[Setting[Options]], Found]
  tables: Callable[[Found, Setting[Options]], Sequence[results.Table]]
  notes: Callable[[Found, Setting[Options]], Sequence[str]]
  figures: Callable[[Found, Setting[Options], str], Mapping[str, Figure]]
  numbers: Callable[[Found], Any] = lambda found: found
  files: Callable[[Found, Setting[Options]], Mapping[str, Callable[[pathlib.Path], None]]] = (
    lambda found, setting: {}
  )
  measured_on: Callable[[Setting[Options]], str] = lambda setting: ''
  datasets: Callable[[Run, Any], Sequence[str]] = own_dataset
  enough: Callable[[Options], Mapping[str, int]] | None = None
  instead: str = 'no scenes'
  fitted: Callable[[Run, Mapping[str, Dataset], Any], Any] = lambda run, datasets, options: options
  headlines: Callable[[Mapping[str, Any]], dict[str, float]] | None = None
  by_scene: Callable[[Mapping[str, Any]], Mapping[str, Sequence[float]]] | None = None
  panels: Sequence[Panel] = ()

  def carry_out(
    self, run: Run, workdir: pathlib.Path, options: Options, build: bool
  ) -> results.Results:
    """Opens the datasets, and evaluates."""
    names = self.datasets(run, options)
    if build and self.enough is not None:
      sizes = self.enough(options)
      names = [with_enough(name, run.config.data_dir, sizes) for name in names]
    opened = {name: open_or_build(name, run.config.data_dir, build) for name in names}
    return self.evaluate(run, opened, workdir, options)

  def evaluate(
    self,
    run: Run,
    datasets: Mapping[str, Dataset],
    workdir: pathlib.Path,
    options: Options,
  ) -> results.Results:
    """Measures, and writes `<mode>.json`, `.txt`, the figures and whatever files there are.

    Args:
      run: the trained run.
      datasets: whose scenes are taken, by name.
      workdir: where to write.
      options: of this evaluation.

    Raises:
      UserError: an option asks for what there is not, or the folder cannot be written.
    """
    began = time.monotonic()
    options = self.fitted(run, datasets, options)
    setting = Setting(self.name, run, options, datasets, workdir)
    found = self.measure(setting)
    title = '; '.join(filter(None, (title_of(run), self.measured_on(setting))))
    figures = self.figures(found, setting, title)
    shown = results.Results(
      self.name,
      run,
      options,
      [*datasets] or [self.instead],
      self.numbers(found),
      self.tables(found, setting),
      self.notes(found, setting),
      time.monotonic() - began,
      {name: dataset.identity for name, dataset in datasets.items()},
    )
    results.write(shown, figures, workdir)
    for name, write in self.files(found, setting).items():
      with results.replacing(workdir / name) as path:
        write(path)
    blocks.forget(setting.cache)
    return shown
