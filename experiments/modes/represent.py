"""Saves what the model makes of scenes, and asks by linear probes what can be read off it.

  python experiments/main.py --workdir=RUN --mode=represent

A scene's features are the means of the belief p(z | C) at every draw step, along the path without
noise; `represent.npz` holds them for use elsewhere. A linear probe, fitted on training scenes,
tells the class of shape (up to rotation), the number of parts where that varies, and the mean
colour of scenes of another split; beside it the same probe on the raw senses, averaged over the
views that were given.

Dims: T draw steps, h w latent grid, Z latent channels.
"""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import contexts, probe, results
from experiments.evaluation.contract import Evaluation, Setting, own_dataset
from experiments.evaluation.features import average, belief, features_of
from experiments.evaluation.fitting import Fitting, fit_count, fit_split, stock_of
from experiments.evaluation.scenes import first_scenes, views_of
from experiments.figures import style as figures
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

_CLASSES = {
  # Shapes are numbered among those of as many parts.
  'shape class': lambda scene: 1000 * scene['num_parts'] + scene['shape_id'],
  'number of parts': lambda scene: scene['num_parts'],
}
_COLOUR = 'mean colour'
_BAR = 0.38  # width


@dataclasses.dataclass(frozen=True)
class Options:
  """From how much the scenes are represented, and how many of them."""

  # Views given of each modality, the first ones.
  views: int = 15
  # Training scenes to which the probes are fitted, the first ones.
  train_scenes: int = 1000
  # Scenes on which they are tested, the first ones of the split.
  test_scenes: int = 100
  # The split of those.
  split: str = 'test'
  # Datasets whose scenes are taken in turn, as in shepard_metzler_4,shepard_metzler_6, where the
  # number of parts varies; the run's own if not given.
  datasets: tuple[str, ...] = ()
  # Builds those that are missing.
  build: bool = False

  def __post_init__(self):
    require_at_least(self, views=1, train_scenes=1, test_scenes=1)


@dataclasses.dataclass(frozen=True)
class Represented:
  """All that was found.

  Attributes:
    scores: by what is to be told, and from what it is told: 'chance', 'z, <given>', 'raw, <given>'.
    z: the beliefs given everything, of training and of test scenes, (scenes, T, h, w, Z).
    scenes: the training and the test scenes.
  """

  scores: Mapping[str, Mapping[str, probe.Score]]
  z: tuple[np.ndarray, ...]
  scenes: tuple[list[dict[str, np.ndarray]], ...]


def measure(setting: Setting[Options]) -> Represented:
  """Represents scenes, and probes the features.

  Raises:
    UserError: there are fewer scenes or views than asked for, or nothing is known of the objects.
  """
  run, options = setting.run, setting.options
  sources = [*setting.datasets.values()]
  train = _in_turn(sources, 'train', options.train_scenes)
  test = _in_turn(sources, options.split, options.test_scenes)
  modalities = run.model.modalities
  views = views_of(train[0], modalities)
  given = {
    family: contexts.give(senses, options.views, modalities, views)
    for family, senses in contexts.families(modalities).items()
  }
  z, raw = (
    {
      family: tuple(features_of(compute, run, scenes, counts) for scenes in (train, test))
      for family, counts in given.items()
    }
    for compute in (jax.jit(functools.partial(kind, run.model)) for kind in (belief, average))
  )
  scores = {
    truth: {
      'chance': _chance(*labels),
      **{
        f'{name}, {family}': _probe(features, *labels)
        for family in given
        for name, features in (('z', z[family]), ('raw', raw[family]))
      },
    }
    for truth, labels in _truths(train, test).items()
  }
  return Represented(scores, z[[*given][-1]], (train, test))


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  if not all('shape_id' in dataset.splits['train'][0] for dataset in datasets.values()):
    raise UserError(
      f'nothing is known of the objects in {", ".join(datasets)}, so that no probe can be fitted; '
      'give --datasets=shepard_metzler_5_tiny or other simulated ones.'
    )
  fitting = Fitting(options)
  split = fit_split(fitting, datasets)
  stock = stock_of(datasets, split, run.model.modalities)
  views = stock.views_for(1)
  if options.views > views:
    fitting.use('views', views, f'a scene has {results.counted(views, "views")}')
  for field, of in (('train_scenes', 'train'), ('test_scenes', split)):
    there = len(datasets) * min(len(dataset.splits[of]) for dataset in datasets.values())
    fit_count(fitting, field, there, 1, f'scenes in {of}')
  return fitting.done()


def mean_colour(scene: dict[str, np.ndarray]) -> np.ndarray:
  """The mean colour of an object's cubes, red green blue in [0, 1], (3,)."""
  return scene['colours'].mean(axis=0)


def _in_turn(sources: Sequence[Dataset], split: str, count: int) -> list[dict[str, np.ndarray]]:
  each = math.ceil(count / len(sources))
  rounds = zip(*(first_scenes(source, split, each) for source in sources), strict=True)
  return [scene for scenes in rounds for scene in scenes][:count]


def _truths(*parts: list[dict[str, np.ndarray]]) -> dict[str, list[np.ndarray]]:
  """Per property to be told, of training and of test scenes."""
  truths = {
    name: [np.array([tell(scene) for scene in scenes]) for scenes in parts]
    for name, tell in _CLASSES.items()
  }
  varying = {name: labels for name, labels in truths.items() if len(np.unique(labels[0])) > 1}
  return varying | {_COLOUR: [np.stack([mean_colour(s) for s in scenes]) for scenes in parts]}


def _probe(features: tuple[np.ndarray, ...], train: np.ndarray, test: np.ndarray) -> probe.Score:
  train_features, test_features = (part.reshape(len(part), -1) for part in features)
  tell = probe.accuracy if train.ndim == 1 else probe.explained
  return tell(train_features, train, test_features, test)


def _chance(train: np.ndarray, test: np.ndarray) -> probe.Score:
  return probe.chance_accuracy(train, test) if train.ndim == 1 else probe.Score(0.0, 0.0)


def _tables(found: Represented, setting: Setting[Options]) -> list[results.Table]:
  del setting
  names = list(next(iter(found.scores.values())))
  rows = [
    [name, *(results.with_error(of[name].mean, of[name].error) for of in found.scores.values())]
    for name in names
  ]
  heads = [f'{truth} ({_unit(truth)})' for truth in found.scores]
  return [results.Table('What a linear probe tells', ['from', *heads], rows)]


def _notes(found: Represented, setting: Setting[Options]) -> list[str]:
  options = setting.options
  return [
    f'Linear probes fitted on the first {options.train_scenes} scenes of train and tested on the '
    f"first {options.test_scenes} of '{options.split}', ± standard error over those; "
    f'{options.views} views given of each modality.',
    'Classes: accuracy, chance is the commonest training class. Colour: R², chance is the mean.',
    *(
      f'All objects have the same {name}, so that it is not asked for.'
      for name in _CLASSES
      if name not in found.scores
    ),
  ]


def _figures(found: Represented, setting: Setting[Options], title: str) -> dict[str, Figure]:
  figure, axes = figures.panels(1, len(found.scores), width=3.4, height=2.9)
  families = list(contexts.families(setting.run.model.modalities))
  places = np.arange(len(families))
  for axis, (truth, of) in zip(axes.flat, found.scores.items(), strict=True):
    for i, (name, label) in enumerate((('z', 'z of the model'), ('raw', 'raw senses'))):
      scores = [of[f'{name}, {family}'] for family in families]
      axis.bar(
        places + (i - 0.5) * _BAR,
        [score.mean for score in scores],
        _BAR,
        yerr=[score.error for score in scores],
        capsize=2,
        color=figures.COLOURS[i],
        label=label,
      )
    figures.bound(axis, of['chance'].mean, 'chance')
    figures.describe(axis, truth, 'given', _unit(truth))
    axis.set_xticks(places, [family.replace(' and ', '\nand ') for family in families])
    axis.set_ylim(top=1.05)
  handles, names = axes[0, 0].get_legend_handles_labels()
  figure.legend(handles, names, loc='outside lower center', ncols=3, fontsize=8, frameon=False)
  figure.suptitle(f'{title}; bars: standard errors over scenes', fontsize=8)
  return {'': figure}


def _unit(truth: str) -> str:
  return 'R²' if truth == _COLOUR else 'accuracy'


def _save(found: Represented, path: pathlib.Path) -> None:
  """Writes both splits' z with each scene's index and labels."""
  arrays = {}
  for split, features, scenes in zip(('train', 'test'), found.z, found.scenes, strict=True):
    arrays[f'{split}_z'] = features
    for field in ('index', 'cells_id', 'shape_id', 'num_parts'):
      arrays[f'{split}_{field}'] = np.array([scene[field] for scene in scenes])
    arrays[f'{split}_mean_colour'] = np.stack([mean_colour(scene) for scene in scenes])
  with path.open('wb') as file:
    np.savez_compressed(file, **arrays)


def _measured_on(setting: Setting[Options]) -> str:
  options = setting.options
  return f'{options.test_scenes} scenes of {", ".join(setting.datasets)} ({options.split})'


def _headlines(written: Mapping[str, Any]) -> dict[str, float]:
  return {
    f'{truth} from {name}': score['mean']
    for truth, of in written.items()
    for name, score in of.items()
    if name.startswith('z, ')
  }


MODE = Evaluation(
  name='represent',
  doc=__doc__,
  options=Options,
  measure=measure,
  numbers=lambda found: found.scores,
  tables=_tables,
  notes=_notes,
  figures=_figures,
  files=lambda found, setting: {'represent.npz': functools.partial(_save, found)},
  enough=lambda options: {'train': options.train_scenes} | {options.split: options.test_scenes},
  measured_on=_measured_on,
  datasets=lambda run, options: options.datasets or own_dataset(run, options),
  fitted=_fitted,
  headlines=_headlines,
)
