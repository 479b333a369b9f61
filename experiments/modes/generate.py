"""Imagines objects from any context and senses them anew (paper Figures 1, S5 and S6).

  python experiments/main.py --workdir=RUN --mode=generate --context=rgb:1,haptic:15 --target=rgb

What is asked for is seen from a ring of cameras and felt in fresh grasps, whose truth is computed
from the object itself, so that every view of a scene may be given. Names are those of modalities,
or of senses, 'image' and 'haptic', for all modalities that are cut from one.

Dims: B scenes, M modalities, V views given, Q queries.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.evaluation import baselines, contexts, generate_figures, results, unseen
from experiments.evaluation.contract import Evaluation, Setting
from experiments.evaluation.fitting import Fitting, fit_scenes, fit_split, stock_of
from experiments.evaluation.generate_records import Asked, BySense, Errors, Generated
from experiments.evaluation.imagining import Imagination, another_scenes, only, squared_errors
from experiments.evaluation.scenes import (
  complete_scenes,
  sensed,
  senses_in,
  stack_scenes,
  survey,
  views_of,
)
from experiments.figures import generate as generate_pictures
from gmn_jax.senses import Modality, cut_scenes, senses_of
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

# Of a dataset that is made for this alone: the mean of their views, and the nearest, are compared.
_TRAINING_SCENES = 100


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, what is asked for, and how much of it."""

  # Given: how many views of which modalities, the first ones; 'nothing': none.
  context: tuple[str, ...] = ('image:1', 'haptic:15')
  # Asked for: which modalities.
  target: tuple[str, ...] = ('image', 'haptic')
  # How many views of each sense alone, and of all, the growing contexts give.
  growing: tuple[int, ...] = (0, 1, 2, 5, 10, 15)
  # How many scenes are measured, the first ones of the split.
  scenes: int = 100
  # How many of them are drawn.
  objects: int = 3
  # Samples of z per scene; the mean of what they show is the prediction that is measured.
  samples: int = 8
  # Cameras on the ring around each object.
  cameras: int = 8
  # Where the ring is, degrees above the object.
  elevation: float = 30.0
  # Fresh grasps of each object.
  grasps: int = 5
  # Frames of the orbit.
  frames: int = 24
  # Of the dataset.
  split: str = 'test'
  # Of the samples and of the fresh grasps.
  seed: int = 0

  def __post_init__(self):
    require_at_least(self, scenes=1, objects=1, samples=1, cameras=1, grasps=1, frames=1, seed=0)
    if not -90 <= self.elevation <= 90:
      raise UserError(f'--elevation is {self.elevation}; it is in degrees, from -90 to 90.')


def measure(setting: Setting[Options]) -> Generated:
  """Imagines from the context and from growing ones, and measures how far that is off."""
  run, options = setting.run, setting.options
  modalities = run.model.modalities
  there = sensed(setting.dataset, options.split, modalities)
  target = contexts.parse_target(options.target, modalities)
  usual = survey(setting.dataset, options.split, modalities).views_for(1)
  scenes = complete_scenes(setting.dataset, options.split, options.scenes, modalities, usual)
  asked = _ask(scenes, modalities, options)
  counts = contexts.parse_context(options.context, modalities, asked.leaves)
  growing = {
    family: {n: contexts.give(senses, n, modalities, asked.leaves) for n in options.growing}
    for family, senses in contexts.families(there).items()
  }
  given, truth = (
    cut_scenes(modalities, stack_scenes(raw, modalities), run.ranges)
    for raw in (scenes, asked.scenes)
  )
  truth = only(target, truth)
  imagination = Imagination(run, truth.queries, options.samples, options.seed, options.objects)

  def errors_of(predicted: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return squared_errors(modalities, predicted, truth.senses)

  def error(predicted: Sequence[np.ndarray]) -> BySense:
    return _over_scenes(errors_of(predicted))

  # Families of contexts meet where they give nothing.
  @functools.cache
  def imagine(counts_M: tuple[int, ...]) -> tuple[dict[str, np.ndarray], tuple[np.ndarray, ...]]:
    answer = imagination(given, counts_M)
    return errors_of(answer.mean), answer.drawn

  of_context, samples = imagine(counts)
  answers = {
    family: {n: imagine(member) for n, member in members.items()}
    for family, members in growing.items()
  }
  baseline = baselines.predict(run, setting.dataset.splits['train'], truth.queries)
  by_context = {'the context': _over_scenes(of_context)}
  if len(scenes) > 1:
    by_context["another object's"] = error(imagination(another_scenes(given), counts).mean)
  errors = Errors(
    context=dict(zip([m.name for m in modalities], counts, strict=True)),
    squared_error=by_context,
    squared_error_growing={
      family: {n: _over_scenes(errors) for n, (errors, _) in of.items()}
      for family, of in answers.items()
    },
    squared_error_without_model={
      'mean training view': error(baseline.mean),
      'nearest training view': error(baseline.nearest),
    },
    by_scene={
      family: {n: {s: e.tolist() for s, e in errors.items()} for n, (errors, _) in of.items()}
      for family, of in answers.items()
    },
  )
  grown = {
    family: {n: [sample[0] for sample in drawn] for n, (_, drawn) in of.items()}
    for family, of in answers.items()
  }
  return Generated(
    errors=errors,
    target=target,
    counts=counts,
    scene=scenes[0],
    asked=asked,
    given=given,
    truth=truth,
    samples=samples,
    grown=grown,
    baseline=baseline,
  )


def _over_scenes(errors: Mapping[str, np.ndarray]) -> BySense:
  found = {sense: results.mean_and_error(of_scenes) for sense, of_scenes in errors.items()}
  return {sense: (float(mean), float(error)) for sense, (mean, error) in found.items()}


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  fitting, modalities = Fitting(options), run.model.modalities
  split = fit_split(fitting, datasets)
  stock = stock_of(datasets, split, modalities)
  views = leaves = stock.views_for(1)
  (dataset,) = datasets.values()
  if not unseen.can_sense_anew(dataset.splits[split][0], senses_of(modalities)):
    why = (
      f'a scene has {results.counted(views, "views")}, and its object is not known, so that none '
      'can be made'
    )
    if max(options.cameras, options.grasps) > views - 1:
      most = max(1, views // 2)
      for field in ('cameras', 'grasps'):
        fitting.use(field, min(getattr(options, field), most), why)
    leaves = views - max(fitting.value('cameras'), fitting.value('grasps'))
  why = f'{results.counted(leaves, "views")} of each sense are there to be given'
  growing = tuple(dict.fromkeys(min(count, leaves) for count in options.growing))
  fitting.use('growing', growing, why)
  there = [m for m in modalities if m.sense in stock.senses]
  fitting.use('context', contexts.fit_terms(options.context, modalities, there, leaves), why)
  asked = tuple(n for n in options.target if not contexts.is_lacking(n, modalities, there))
  names = tuple(sense.name for sense in stock.senses)
  fitting.use('target', asked or names, f'scenes have {" and ".join(names)} alone')
  fit_scenes(fitting, 'scenes', stock, views, 1)
  return fitting.done()


def _ask(
  scenes: list[dict[str, np.ndarray]], modalities: Sequence[Modality], options: Options
) -> Asked:
  views, senses = views_of(scenes[0], modalities), senses_in(scenes[0], modalities)
  looks = results.counted(options.cameras, 'looks')
  grasps = results.counted(options.grasps, 'grasps')
  if unseen.can_sense_anew(scenes[0], senses_of(modalities)):
    ring = unseen.camera_ring(options.cameras, options.elevation)
    anew = [unseen.sense_anew(scene, ring, options.grasps, options.seed) for scene in scenes]
    heads = [f'{round(360 * i / options.cameras)}°' for i in range(options.cameras)]
    return Asked(anew, heads, views, f'{looks} from a ring around the object, {grasps} anew')
  kept = max(options.cameras, options.grasps)
  if kept > views:
    raise UserError(
      f'{kept} views are asked for, but a scene has {views}, and its object is not known, so that '
      f'none can be made; give --cameras and --grasps of at most {views}.'
    )
  each = {s: options.cameras if s.drawn_as_pixels else options.grasps for s in senses}
  lacking = [s.there_field for s in senses_of(modalities) if s not in senses]
  last = [
    unseen.keep_last(scene, each) | {field: scene[field][-kept:] for field in lacking}
    for scene in scenes
  ]
  heads = [f'view {views - options.cameras + i}' for i in range(options.cameras)]
  return Asked(last, heads, views - kept, f'the last {looks} and {grasps}')


def _tables(found: Generated, setting: Setting[Options]) -> list[results.Table]:
  errors = found.errors
  words = contexts.describe(found.counts, setting.run.model.modalities)
  rows = {f'{name} {words}': measured for name, measured in errors.squared_error.items()}
  for family, by_number in errors.squared_error_growing.items():
    rows |= {
      f'{family}: {results.counted(n, "views")}': measured for n, measured in by_number.items()
    }
  without_model = errors.squared_error_without_model
  rows |= {f'no model: {name}': measured for name, measured in without_model.items()}
  senses = list(next(iter(rows.values())))
  units = generate_pictures.units_of(setting.run.model.modalities)
  shown = [
    [name, *(results.with_error(*measured[sense], digits=5) for sense in senses)]
    for name, measured in rows.items()
  ]
  heads = ['given', *(f'{sense} {units[sense]}' for sense in senses)]
  title = 'Error of what was asked for, by what was given of each modality'
  return [results.Table(title, heads, shown)]


def _notes(found: Generated, setting: Setting[Options]) -> list[str]:
  options = setting.options
  return [
    f'Mean squared error ± standard error over the first {options.scenes} scenes of '
    f"'{options.split}'; the prediction is the mean over {options.samples} samples of z from "
    f'p(z | C). Asked for of each scene: {found.asked.words}.'
  ]


def _measured_on(setting: Setting[Options]) -> str:
  options = setting.options
  return f'{options.scenes} scenes of {", ".join(setting.datasets)} ({options.split})'


def _headlines(written: Mapping[str, Any]) -> dict[str, float]:
  of_context = {
    f'{sense} from {name} (squared error)': mean
    for name, by_sense in written['squared_error'].items()
    for sense, (mean, _) in by_sense.items()
  }
  growing = {name: float(np.mean(scenes)) for name, scenes in _by_scene(written).items()}
  return of_context | growing


def _by_scene(written: Mapping[str, Any]) -> dict[str, list[float]]:
  found = {}
  # Earlier versions did not keep them.
  for family, of in written.get('by_scene', {}).items():
    for n, by_sense in of.items():
      # Families meet where they give nothing.
      words = f'{family}: {results.counted(int(n), "views")}' if int(n) else 'nothing'
      found |= {f'{sense} from {words} (squared error)': value for sense, value in by_sense.items()}
  return found


MODE = Evaluation(
  name='generate',
  doc=__doc__,
  options=Options,
  measure=measure,
  numbers=lambda found: found.errors,
  tables=_tables,
  notes=_notes,
  figures=generate_figures.figures,
  files=generate_figures.files,
  enough=lambda options: {'train': _TRAINING_SCENES} | {options.split: options.scenes},
  measured_on=_measured_on,
  fitted=_fitted,
  headlines=_headlines,
  by_scene=_by_scene,
)
