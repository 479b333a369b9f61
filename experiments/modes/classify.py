"""Which scene does a view belong to? Classification by density (paper Figure 4, Eq. 6).

  python experiments/main.py --workdir=RUN --mode=classify --build

In each draw of a few scenes of objects never trained on, every scene gives a context, and its last
views are to be assigned: to the context under which they are most likely (the paper's text), or,
the other way round, each context to the views that it makes most likely (the authors' code).

Dims: D draws, B scenes of a draw, M modalities.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import blocks, contexts
from experiments.evaluation.classify_records import (
  RANKS,
  Classified,
  accuracy_records,
  own_context_records,
  trust_records,
)
from experiments.evaluation.classify_tables import headlines, tables, told_by
from experiments.evaluation.contract import Evaluation, Panel, Setting, own_dataset
from experiments.evaluation.estimators import Estimator, estimator_of
from experiments.evaluation.fitting import Fitting, fit_scenes, fit_split, fit_views, stock_of
from experiments.evaluation.pairing import Pairing, estimate_pairs
from experiments.evaluation.scenes import complete_scenes, sensed, stack_scenes, survey, views_of
from experiments.figures import classify as classify_figures
from gmn_jax.inference import Likelihood, importance
from gmn_jax.senses import IMAGE, Modality, senses_of
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, what is assigned, and how well it is estimated."""

  # The datasets whose scenes are drawn, of objects never trained on; of a run on your own scenes,
  # those scenes if not given.
  datasets: tuple[str, ...] = ('shepard_metzler_4', 'shepard_metzler_6')
  # Of the datasets.
  split: str = 'test'
  # Builds those that are missing.
  build: bool = False
  # The sense whose views are assigned, as in 'haptic'.
  target: str = 'image'
  # How many views of each modality a context gives, the first ones.
  views: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
  # How many views of a scene are assigned, the last ones.
  held_out: int = 5
  # How many of them are assigned together; 1: each by itself.
  together: int = 5
  # How often scenes are drawn.
  draws: int = 100
  # Scenes in a draw.
  ways: int = 10
  # 'iwae', the importance-weighted bound, or 'ais', annealed importance sampling: it scatters less,
  # at so much more time for each of the ways^2 pairs that it wants few draws and contexts.
  estimator: str = 'iwae'
  # Where 'ais' starts and 'iwae' samples: the 'posterior', the 'prior', or half of each, 'mixture'.
  proposal: str = 'posterior'
  # Of 'ais', independent estimates that are averaged.
  chains: int = 2
  # Of 'ais', from the proposal to the true posterior; more of them come nearer.
  temperatures: int = 200
  # Of 'ais', gradients at each of them.
  leapfrogs: int = 4
  # K of 'iwae'.
  samples: int = 50
  # Standard deviation of the likelihood on [0, 1] and of scaled haptics; 0: the run's own.
  std: float = 0.0
  # Memory for the samples that are held at once, in GiB.
  memory_gib: float = 2.0
  # Of the draws and of the samples.
  seed: int = 0

  def __post_init__(self):
    require_at_least(self, samples=1, held_out=1, together=1, draws=2, ways=2)
    require_at_least(self, chains=1, temperatures=2, leapfrogs=1)
    require_at_least(self, std=0, memory_gib=0, seed=0)
    estimator_of(self)
    if self.held_out % self.together:
      raise UserError(
        f'--together is {self.together}, which does not divide the {self.held_out} views held out; '
        'give a divisor, as in --together=1.'
      )
    for field in ('views', 'datasets'):
      if not getattr(self, field):
        raise UserError(f'--{field} is empty; give one or more.')


def measure(setting: Setting[Options]) -> Classified:
  """Weighs every context of a draw against every target, and decides."""
  run, options = setting.run, setting.options
  modalities = run.model.modalities
  first = next(iter(setting.datasets.values()))
  there = sensed(first, options.split, modalities)
  target = contexts.sense_named('--target', options.target, there)
  pool = _pool(setting.datasets, options, modalities)
  given = _contexts(run, there, views_of(pool[0], modalities), options)
  scene_DB = draw_scenes(len(pool), options.draws, options.ways, options.seed)
  # Of no views there is one context, whatever the senses.
  distinct = tuple(dict.fromkeys(given.values()))
  estimator = estimator_of(options)
  estimate = importance.within_memory(
    functools.partial(
      estimate_pairs,
      model=run.model,
      pairing=Pairing(
        distinct,
        target,
        options.held_out,
        options.together,
        Likelihood(options.std or run.config.std),
      ),
      estimator=estimator,
    ),
    options.memory_gib * 2**30,
    estimator.count,
  )

  def compute(draw: int) -> blocks.Block:
    raw = stack_scenes([pool[i] for i in scene_DB[draw]], modalities)
    key = jax.random.fold_in(jax.random.key(options.seed), draw)
    found = jax.device_get(estimate(run.params, raw, run.ranges, key))
    return {field: value[None] for field, value in found.items()}

  of_context = [distinct.index(counts) for counts in given.values()]
  estimated = {
    field: value[:, of_context]
    for field, value in setting.in_blocks(options.draws, compute).items()
  }
  size = sum(m.size for m in modalities if m.sense == target)
  return Classified(
    chance={f'top{rank}': min(1.0, rank / options.ways) for rank in RANKS},
    accuracy=accuracy_records(estimated['log_likelihood'], given),
    own_context=own_context_records(estimated, given, options.together * size),
    trust=trust_records(estimated, given),
  )


def draw_scenes(pool: int, draws: int, ways: int, seed: int) -> np.ndarray:
  """Which scenes of a pool each draw takes, (D, B): no scene twice in a draw, nor in two draws
  before all of the pool have been used.
  """
  rng = np.random.default_rng(seed)
  in_a_round = pool // ways
  rounds = [
    rng.permutation(pool)[: in_a_round * ways].reshape(in_a_round, ways)
    for _ in range(math.ceil(draws / in_a_round))
  ]
  return np.concatenate(rounds)[:draws]


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  fitting, modalities = Fitting(options), run.model.modalities
  contexts.sense_named('--target', options.target, modalities)
  if fitting.is_default('datasets') and list(datasets) == list(_datasets(run, options)):
    fitting.use('datasets', tuple(datasets), 'the run is of scenes of its own')
  stock = stock_of(datasets, fit_split(fitting, datasets), modalities)
  if options.target == IMAGE.name and IMAGE not in stock.senses:
    fitting.use('target', stock.senses[0].name, 'no scene has images')
  fit_views(fitting, stock, ['views'])
  if fitting.value('held_out') % fitting.value('together'):
    fitting.use('together', fitting.value('held_out'), 'it must divide what is held out')
  needed = fitting.value('held_out') + max(fitting.value('views'))
  fit_scenes(fitting, 'ways', stock, needed, 2)
  return fitting.done()


def _datasets(run: Run, options: Options) -> Sequence[str]:
  # The name of a folder has a slash.
  is_default = options.datasets == Options.datasets
  return own_dataset(run, options) if is_default and '/' in run.config.dataset else options.datasets


def _pool(
  datasets: Mapping[str, Dataset], options: Options, modalities: Sequence[Modality]
) -> list[Mapping[str, np.ndarray]]:
  pool, needed = [], options.held_out + max(options.views)
  for name, dataset in datasets.items():
    if options.split not in dataset.splits:
      splits = ', '.join(dataset.splits)
      raise UserError(f"{name} has no split '{options.split}'; use one of {splits}.")
    count = survey(dataset, options.split, modalities).scenes_with(needed)
    pool += complete_scenes(dataset, options.split, count, modalities, needed)
  if len(pool) < options.ways:
    raise UserError(
      f'--ways is {options.ways}, and the datasets have {len(pool)} scenes; give fewer ways.'
    )
  return pool


def _contexts(
  run: Run, there: Sequence[Modality], views: int, options: Options
) -> dict[tuple[str, int], tuple[int, ...]]:
  """By senses, as the paper's figure names them, and size, the count of views of each modality."""
  given = {}
  initials = {sense: sense.name[0].upper() for sense in senses_of(there)}
  alike = len(set(initials.values())) < len(initials)
  for senses in contexts.families(there).values():
    name = '+'.join(sense.name if alike else initials[sense] for sense in senses)
    for size in options.views:
      if not 0 <= size <= views - options.held_out:
        raise UserError(
          f'a context of {size} views with {options.held_out} held out is asked for, but a scene '
          f'has {views} views; give --views and --held_out that fit.'
        )
      given[name, size] = contexts.give(senses, size, run.model.modalities, views)
  return given


def _notes(found: Classified, setting: Setting[Options]) -> list[str]:
  options = setting.options
  estimator = estimator_of(options)
  what = (
    f'the last {options.held_out} {options.target} views'
    if options.together == options.held_out
    else f'{options.together} of the last {options.held_out} {options.target} views'
  )
  std = options.std or setting.run.config.std
  pool = sum(len(dataset.splits[options.split]) for dataset in setting.datasets.values())
  notes = [
    f'{what} of each of {options.ways} scenes, assigned by log p(x | v, C), estimated by '
    f'{estimator.title}, likelihood std {std:g}; means and standard errors over {options.draws} '
    f'draws from {pool} scenes of {options.split!r}.',
    "Argmax over contexts is the paper's text, over targets the authors' code.",
  ]
  if estimator.count > 1:
    notes.append(_scatter_note(max(record.scatter for record in found.trust), estimator))
  if options.draws > pool // options.ways:
    notes.append('Draws share scenes, so that the standard errors are too small.')
  return notes


def _scatter_note(worst: float, estimator: Estimator) -> str:
  """Whether contexts are told apart by more than the estimates scatter, and else what helps."""
  said = (
    'Scatter: estimates of half as many samples or chains have a standard deviation of at most '
    f'{worst:.2f} nats of a target, over all pairs of a context'
  )
  if worst < 1:
    return f'{said}: below 1 nat. That of all of them is less.'
  remedy = (
    'give more --temperatures'
    if estimator.annealing
    else 'give --estimator=ais, with fewer --draws, --ways and --views'
  )
  return f'{said}: not below 1 nat. Nearer calls are left to chance; {remedy}.'


def _figures(found: Classified, setting: Setting[Options], title: str) -> dict[str, Figure]:
  return {'': classify_figures.draw(found, setting.options.target, title)}


def _measured_on(setting: Setting[Options]) -> str:
  options = setting.options
  return (
    f'{options.draws} draws of {options.ways} scenes of {", ".join(setting.datasets)}, '
    f'{estimator_of(options).short}'
  )


MODE = Evaluation(
  name='classify',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=lambda found, setting: tables(found, setting.options.views),
  notes=_notes,
  figures=_figures,
  measured_on=_measured_on,
  datasets=_datasets,
  fitted=_fitted,
  headlines=headlines,
  panels=[
    Panel(
      f'objects told by {senses}',
      'views given of each',
      'top-1 accuracy',
      functools.partial(told_by, context),
    )
    for context, senses in (('I', 'images'), ('H', 'grasps'), ('I+H', 'images and grasps'))
  ],
)
