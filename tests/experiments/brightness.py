"""A new evaluation, as somebody would write it: how bright the images are that a run is shown."""

import dataclasses

import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import results
from experiments.evaluation.contract import Evaluation, Panel, Setting
from experiments.evaluation.scenes import first_scenes


@dataclasses.dataclass(frozen=True)
class Options:
  """Which scenes."""

  # How many, the first ones.
  scenes: int = 3
  # Of the dataset.
  split: str = 'val'


@dataclasses.dataclass(frozen=True)
class Brightness:
  """The mean over scenes and its standard error, and that of every view; in [0, 1]."""

  mean: float
  error: float
  by_view: list[float]


def measure(setting: Setting[Options]) -> Brightness:
  """The mean of the pixels."""
  scenes = first_scenes(setting.dataset, setting.options.split, setting.options.scenes)
  images_BV = np.array([scene['images'].mean(axis=(1, 2, 3)) for scene in scenes]) / 255
  mean, error = results.mean_and_error(images_BV.mean(axis=1))
  return Brightness(float(mean), float(error), images_BV.mean(axis=0).tolist())


def _figures(found: Brightness, setting: Setting[Options], title: str) -> dict[str, Figure]:
  del setting
  figure = Figure()
  figure.subplots().plot(found.by_view)
  figure.suptitle(title)
  return {'': figure}


MODE = Evaluation(
  name='brightness',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=lambda found, setting: [
    results.Table('Images', ['', 'mean'], [['pixels', results.with_error(found.mean, found.error)]])
  ],
  notes=lambda found, setting: ['Pixels in [0, 1].'],
  figures=_figures,
  measured_on=lambda setting: f'{setting.options.scenes} scenes',
  headlines=lambda written: {'of the images (pixels in [0, 1])': written['mean']},
  panels=[
    Panel('brightness', 'view', 'pixels', lambda written: dict(enumerate(written['by_view'])))
  ],
)
