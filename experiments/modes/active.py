"""Where to look and touch next: how fast policies tell an object (active perception).

  python experiments/main.py --workdir=RUN --mode=active --build

An object is sensed at a random pose, and then where a policy says, among random candidates. After
every view the model imagines views that are held out, and the error counts. All policies have the
same objects, candidates and first views.
"""

import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import results
from experiments.evaluation.active_records import (
  Explored,
  Senses,
  error_records,
  families_of,
  gain_records,
  name_of,
)
from experiments.evaluation.active_tables import tables_of
from experiments.evaluation.blocks import Block
from experiments.evaluation.contract import Evaluation, Panel, Setting
from experiments.evaluation.exploring import Explorer, explore, lay_out
from experiments.evaluation.fitting import Fitting, fit_count, fit_split, stock_of
from experiments.evaluation.measures import measures_of
from experiments.evaluation.policies import POLICIES, RANDOM
from experiments.evaluation.scenes import complete_scenes, sensed, survey
from experiments.evaluation.sensor_noise import GIVEN, likelihood_noise, measured_noise
from experiments.evaluation.unseen import can_sense_anew
from experiments.figures import active as figure
from experiments.figures.generate import units_of
from gmn_jax.inference.active import GAUSSIAN
from gmn_jax.senses import HAPTIC, IMAGE, Sense, senses_of
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError, did_you_mean
from tfds_mese.dataset import Dataset

_FEW = 2  # views, of which there is a headline


@dataclasses.dataclass(frozen=True)
class Options:
  """Which policies, on what, and how well they see ahead."""

  # Who chooses, of random, axis, gaussian, goal, kl, oracle; 'random' is what they are compared to.
  policies: tuple[str, ...] = ('random', 'axis', 'gaussian', 'goal', 'oracle')
  # Views that are sensed one by one; at least 2, the first being drawn.
  steps: int = 4
  # Scenes that are explored, the first ones of the split; at least 2.
  scenes: int = 20
  # How often each is explored by each policy, from another random first view; at least 1.
  starts: int = 2
  # Poses of each sense among which is chosen; at least as many as steps.
  candidates: int = 40
  # Objects of which the right one is told by what is predicted, where they are known; at least 1,
  # and at most as many as scenes.
  ways: int = 10
  # Views of each sense that are held out, the last ones of a scene; at least 1.
  held_out: int = 15
  # K, of what a policy imagines and of the prediction that is measured; at least 2.
  samples: int = 16
  # Of a view where several senses may be used, as in image:1,haptic:2, above 0; 1 if not given.
  prices: tuple[str, ...] = ()
  # Further scenes, on which the noise of each channel is measured; 0: that of the likelihood.
  calibration: int = 20
  # Of the dataset.
  split: str = 'test'
  # Of the candidates, the first views and the samples; at least 0.
  seed: int = 0

  def __post_init__(self):
    require_at_least(self, steps=2, scenes=2, starts=1, held_out=1, samples=2, calibration=0)
    require_at_least(self, candidates=self.steps, seed=0, ways=1)
    for name in self.policies:
      if name not in POLICIES:
        raise UserError(f"--policies names '{name}', no policy; {did_you_mean(name, POLICIES)}")
    if RANDOM.name not in self.policies:
      raise UserError(
        f"--policies lacks '{RANDOM.name}', which the others are compared to; add it."
      )
    if len(set(self.policies)) < len(self.policies):
      raise UserError(f'--policies names one twice: {",".join(self.policies)}; name each once.')


def measure(setting: Setting[Options]) -> Explored:
  """Explores every scene with every policy."""
  run, options = setting.run, setting.options
  modalities = run.model.modalities
  senses = senses_of(sensed(setting.dataset, options.split, modalities))
  prices = _prices(options.prices, senses)
  count = options.scenes + options.calibration
  # Where candidates are sensed anew, no scene has as many, and none lacks any.
  needed = options.held_out + options.candidates
  usual = survey(setting.dataset, options.split, modalities).views_for(needed)
  scenes = complete_scenes(setting.dataset, options.split, count, modalities, usual)
  std = likelihood_noise(run)
  if options.calibration:
    std = measured_noise(run, scenes[options.scenes :], options.samples, options.seed)
  explorer = Explorer(run, senses, std, options.samples)
  families = families_of(senses)
  anew = can_sense_anew(scenes[0], senses)
  others = min(options.ways, options.scenes) - 1 if anew else 0

  def compute(number: int) -> Block:
    scene = scenes[number]
    beside = [scenes[(number + 1 + i) % options.scenes] for i in range(others)]
    bench = lay_out(run, scene, options.candidates, options.held_out, options.seed, beside)
    courses = [
      explore(
        explorer,
        bench,
        POLICIES[policy].gains,
        {sense: prices[sense] for sense in family},
        options.steps,
        [options.seed, number, start],
      )
      for family in families.values()
      for policy in options.policies
      for start in range(options.starts)
    ]
    shape = (1, len(families), len(options.policies), options.starts)
    return {
      name: np.stack(of_all).reshape(*shape, *of_all[0].shape)
      for name, of_all in zip(courses[0]._fields, zip(*courses, strict=True), strict=True)
    }

  found = setting.in_blocks(options.scenes, compute)
  measured = measures_of(senses, others)
  errors = error_records(found, senses, families, options.policies, measured)
  return Explored(
    errors,
    gain_records(errors, RANDOM.name),
    {m.name: np.asarray(s).tolist() for m, s in zip(modalities, std, strict=True)},
    {
      name: {
        policy: float(np.median(found['milliseconds'][:, f, p]))
        for p, policy in enumerate(options.policies)
      }
      for f, name in enumerate(families)
    },
    {measure.name: measure.unit for measure in measured if measure.unit},
  )


def _prices(terms: Sequence[str], senses: Senses) -> dict[Sense, float]:
  known = {sense.name: sense for sense in senses}
  prices = dict.fromkeys(senses, 1.0)
  for term in terms:
    name, colon, text = term.partition(':')
    if name not in known:
      raise UserError(f"--prices names '{name}', which is not sensed; {did_you_mean(name, known)}")
    try:
      prices[known[name]] = float(text)
    except ValueError as error:
      raise UserError(
        f"--prices has '{term}', no name and number; write it as in image:1,haptic:2."
      ) from error
    if not (colon and 0 < prices[known[name]] < float('inf')):
      raise UserError(f"--prices has '{term}'; a price is a finite number above 0.")
  return prices


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  fitting, modalities = Fitting(options), run.model.modalities
  (dataset,) = datasets.values()
  split = fit_split(fitting, datasets)
  stock = stock_of(datasets, split, modalities)
  _prices(options.prices, stock.senses)
  anew = can_sense_anew(dataset.splits[split][0], senses_of(modalities))
  # Anew, two: one given and one of which the noise is measured. Else two sensed, and one held out.
  least = 2 if anew else 3
  views = stock.views_for(least if anew or fitting.is_default('steps') else 1 + options.steps)
  why = f'a scene has {results.counted(views, "views")}'
  if views < least:
    raise UserError(f'{why}, and at least {least} are needed; give scenes of more views.')
  if anew:
    fitting.use('held_out', min(options.held_out, views), why)
  else:
    why += ', and its object is not known, so that none can be made'
    fitting.use('steps', min(options.steps, views - 1), why)
    held = min(options.held_out, max(1, views // 3), views - fitting.value('steps'))
    fitting.use('held_out', held, why)
    fitting.use('candidates', min(options.candidates, views - held), why)
  there, words = stock.scenes_with(views), f'scenes with {results.counted(views, "views")}'
  fit_count(fitting, 'scenes', there, 2, words)
  beside = f'{words} beside those explored'
  if options.ways > fitting.value('scenes'):
    fitting.use('ways', fitting.value('scenes'), 'they are among the scenes explored')
  fit_count(fitting, 'calibration', there - fitting.value('scenes'), 0, beside)
  return fitting.done()


def _tables(found: Explored, setting: Setting[Options]) -> list[results.Table]:
  return tables_of(found, units_of(setting.run.model.modalities) | dict(found.units))


def _notes(found: Explored, setting: Setting[Options]) -> list[str]:
  options = setting.options
  measured = (
    f'measured on {results.counted(options.calibration, "scenes")} given {GIVEN} views of each'
    if options.calibration
    else 'that of the likelihood'
  )
  notes = [
    f'Errors ± standard error over the first {options.scenes} scenes of '
    f"'{options.split}', each explored from {results.counted(options.starts, 'starts')}. The "
    f'prediction is the mean over {options.samples} samples of z from p(z | C), of the last '
    f'{options.held_out} views of each sense. The first view is random, the others are among '
    f'{options.candidates} candidates of each sense.',
    f'Noise: {measured}; root mean square '
    + ', '.join(f'{np.sqrt(np.mean(np.square(s))):.3f} ({name})' for name, s in found.noise.items())
    + '.',
    *(f'{name}: {POLICIES[name].about}.' for name in options.policies),
  ]
  of_family: dict[str, set[str]] = {}
  for r in found.errors:
    of_family.setdefault(r.senses, set()).update([r.of] * (r.own and r.of not in found.units))
  # A sense stands once, by its error.
  last = [r for r in found.errors if r.own and r.views == options.steps and r.of not in found.units]
  if mixed := [r for r in last if len(of_family[r.senses]) > 1]:
    shares = ', '.join(f'{r.policy} {r.chosen:.1f} {r.of}' for r in mixed)
    prices = ','.join(options.prices) or 'all 1'
    notes.append(f'Of {options.steps} views of any sense (prices: {prices}), on average: {shares}.')
  return notes


def _named(written: Mapping[str, Any], field: str) -> dict[str, Any]:
  most = max(r['views'] for r in written['errors'])
  units = written.get('units', {})  # which older results lack
  return {
    f'{r["of"]} after {r["views"]}, sensing {r["senses"]}, {r["policy"]} '
    f'({units.get(r["of"], "squared error")})': r[field]
    for r in written['errors']
    if r['own'] and r['views'] in (_FEW, most)
  }


def _told_by(sense: Sense, policy: str, written: Mapping[str, Any]) -> dict[float, float]:
  """The error of a sense that alone is used, by the number of its views."""
  wanted = (name_of((sense,)), sense.name, policy)
  return {
    r['views']: r['error']
    for r in written['errors']
    if (r['senses'], r['of'], r['policy']) == wanted
  }


def _figures(found: Explored, setting: Setting[Options], title: str) -> dict[str, Figure]:
  return {'': figure.draw(found, units_of(setting.run.model.modalities) | dict(found.units), title)}


def _measured_on(setting: Setting[Options]) -> str:
  options = setting.options
  return f'{options.scenes} scenes of {", ".join(setting.datasets)} ({options.split})'


MODE = Evaluation(
  name='active',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=_tables,
  notes=_notes,
  figures=_figures,
  enough=lambda options: {options.split: options.scenes + options.calibration},
  measured_on=_measured_on,
  fitted=_fitted,
  headlines=lambda written: _named(written, 'error'),
  by_scene=lambda written: _named(written, 'by_scene'),
  panels=[
    Panel(
      f'error of {sense.name}, {sense.views} chosen by {policy}',
      sense.views,
      f'squared error ({sense.unit})',
      functools.partial(_told_by, sense, policy),
    )
    for sense, policy in itertools.product((IMAGE, HAPTIC), (RANDOM.name, GAUSSIAN.name))
  ],
)
