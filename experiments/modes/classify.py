"""Which scene does a view belong to? Classification by density (paper Figure 4, Eq. 6).

  python experiments/main.py --workdir=RUN --mode=classify --build

In each draw of a few scenes of objects never trained on, every scene gives a context, and its last
views are to be assigned: to the context under which they are most likely (the paper's text), or,
the other way round, each context to the views that it makes most likely (the authors' code).

Dims: D draws, S contexts, P parts of the views held out, B scenes of a draw, M modalities.
"""

import dataclasses
import functools
import math
import pathlib
import time
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from experiments.datasets import open_or_build
from experiments.evaluation import blocks, contexts, results
from experiments.evaluation.options import require_at_least
from experiments.evaluation.pairing import Pairing, weigh_pairs
from experiments.evaluation.scenes import stack_scenes
from experiments.figures import classify as classify_figures
from gmn_jax.inference import Likelihood, importance
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

# What contexts are made of, as the paper's figure names them, and the kinds of their modalities.
_SENSES = {'I': ('image',), 'H': ('haptic',), 'I+H': ('image', 'haptic')}
_DIRECTIONS = ('over contexts', 'over targets')
_RANKS = (1, 5)


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, what is assigned, and how well it is estimated."""

  # The datasets whose scenes are drawn, of objects never trained on.
  datasets: tuple[str, ...] = ('shepard_metzler_4', 'shepard_metzler_6')
  # Of the datasets.
  split: str = 'test'
  # Builds those that are missing.
  build: bool = False
  # What is assigned: 'image' or 'haptic' views.
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
  # K of the importance-weighted estimate.
  samples: int = 50
  # Standard deviation of the likelihood on [0, 1] and of scaled haptics; 0: the run's own.
  std: float = 0.0
  # Memory for the samples that are held at once, in GiB.
  memory_gib: float = 2.0
  # Of the draws and of the samples.
  seed: int = 0

  def __post_init__(self):
    require_at_least(self, samples=1, held_out=1, together=1, draws=2, ways=2)
    require_at_least(self, std=0, memory_gib=0, seed=0)
    if self.held_out % self.together:
      raise UserError(
        f'--together is {self.together}, which does not divide the {self.held_out} views held out; '
        'give a divisor, as in --together=1.'
      )
    if self.target not in contexts.KINDS:
      raise UserError(f"--target is '{self.target}'; use one of {', '.join(contexts.KINDS)}.")
    for field in ('views', 'datasets'):
      if not getattr(self, field):
        raise UserError(f'--{field} is empty; give one or more.')


def evaluate(
  run: Run, dataset: Dataset, workdir: pathlib.Path, options: Options
) -> results.Results:
  """Classifies; writes `classify.json`, `.txt`, `.png`.

  The run's own dataset is not read.

  Raises:
    UserError: a dataset is missing, or an option asks for what there is not.
  """
  del dataset
  began = time.monotonic()
  drawn_from = [
    open_or_build(name, run.config.data_dir, options.build) for name in options.datasets
  ]
  pool = _pool(drawn_from, options)
  views = len(pool[0]['images'])
  given = _contexts(run, views, options)
  scene_DB = draw_scenes(len(pool), options.draws, options.ways, options.seed)
  # Of no views there is one context, whatever the senses.
  distinct = tuple(dict.fromkeys(given.values()))
  weigh = importance.within_memory(
    functools.partial(
      weigh_pairs,
      model=run.model,
      pairing=Pairing(distinct, options.target, options.held_out, options.together),
      likelihood=Likelihood(options.std or run.config.std),
      samples=options.samples,
    ),
    options.memory_gib * 2**30,
    options.samples,
  )

  def compute(draw: int) -> blocks.Block:
    raw = stack_scenes([pool[i] for i in scene_DB[draw]])
    key = jax.random.fold_in(jax.random.key(options.seed), draw)
    estimated = jax.device_get(weigh(run.params, raw, run.haptic_range, key))
    return {field: value[None] for field, value in estimated._asdict().items()}

  folder = workdir / 'cache' / f'classify-{blocks.fingerprint(run, drawn_from, options)}'
  of_context = [distinct.index(counts) for counts in given.values()]
  weighed = {
    field: value[:, of_context]
    for field, value in blocks.in_blocks(folder, options.draws, compute).items()
  }
  numbers = {
    'chance': {f'top{rank}': min(1.0, rank / options.ways) for rank in _RANKS},
    'accuracy': _accuracy(weighed['log_likelihood'], given),
    'own_context': _own_context(run, weighed, given, options),
  }
  found = results.Results(
    mode='classify',
    run=run,
    options=options,
    dataset=options.datasets,
    numbers=numbers,
    tables=_tables(numbers, options),
    notes=_notes(len(pool), run, options),
    seconds=time.monotonic() - began,
  )
  of_what = (
    f'{run.config.variant}, {run.config.modalities}, {run.config.preset}, step {run.step:,}; '
    f'{options.draws} draws of {options.ways} scenes of {", ".join(options.datasets)}, '
    f'K = {options.samples}'
  )
  results.write(found, {'': classify_figures.draw(numbers, options.target, of_what)}, workdir)
  blocks.forget(folder)
  return found


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


def hits(log_likelihood: np.ndarray, rank: int) -> np.ndarray:
  """Whether, along the last axis, the candidate of the row's own number is among the first `rank`.

  Args:
    log_likelihood: (..., B, B), a row per question, a column per candidate.
    rank: 1 for the argmax.

  Returns:
    (..., B), in [0, 1]: where candidates tie, the probability under a random order of them.
  """
  own = np.diagonal(log_likelihood, axis1=-2, axis2=-1)[..., None]
  above = (log_likelihood > own).sum(axis=-1)
  level = (log_likelihood == own).sum(axis=-1)
  return np.clip((rank - above) / level, 0, 1)


def _pool(datasets: Sequence[Dataset], options: Options) -> list[Mapping[str, np.ndarray]]:
  pool = []
  for name, dataset in zip(options.datasets, datasets, strict=True):
    if options.split not in dataset.splits:
      splits = ', '.join(dataset.splits)
      raise UserError(f"{name} has no split '{options.split}'; use one of {splits}.")
    source = dataset.splits[options.split]
    pool += [source[i] for i in range(len(source))]
  if len(pool) < options.ways:
    raise UserError(
      f'--ways is {options.ways}, and the datasets have {len(pool)} scenes; give fewer ways.'
    )
  return pool


def _contexts(run: Run, views: int, options: Options) -> dict[tuple[str, int], tuple[int, ...]]:
  """By senses and size, the count of views of each modality."""
  given = {}
  for senses, kinds in _SENSES.items():
    for size in options.views:
      if not 0 <= size <= views - options.held_out:
        raise UserError(
          f'a context of {size} views with {options.held_out} held out is asked for, but a scene '
          f'has {views} views; give --views and --held_out that fit.'
        )
      given[senses, size] = contexts.give(kinds, size, run.model.modalities, views)
  return given


def _accuracy(
  log_likelihood: np.ndarray, given: Mapping[tuple[str, int], tuple[int, ...]]
) -> list[dict[str, float | str]]:
  """A record per direction and context; errors over draws."""
  records = []
  for direction in _DIRECTIONS:
    questions = log_likelihood if direction == 'over contexts' else log_likelihood.swapaxes(-1, -2)
    accuracy = {
      rank: results.mean_and_error(hits(questions, rank).mean(axis=(2, 3))) for rank in _RANKS
    }
    for i, (senses, views) in enumerate(given):
      record = {'argmax': direction, 'context': senses, 'views': views}
      for rank, (mean, error) in accuracy.items():
        record |= {f'top{rank}': float(mean[i]), f'top{rank}_error': float(error[i])}
      records.append(record)
  return records


def _own_context(
  run: Run,
  weighed: blocks.Block,
  given: Mapping[tuple[str, int], tuple[int, ...]],
  options: Options,
) -> list[dict[str, float | str]]:
  """A record per context: the bounds on the density of targets given their own scene's context,
  nats per dimension.
  """
  size = sum(m.size for m in run.model.modalities if m.kind == options.target)
  scales = (options.together * size, options.together * size, 1)
  records = [{'context': senses, 'views': views} for senses, views in given]
  for field, scale in zip(importance.Estimate._fields, scales, strict=True):
    own = np.diagonal(weighed[field], axis1=-2, axis2=-1) / scale
    mean, error = results.mean_and_error(own.mean(axis=(2, 3)))
    for i, record in enumerate(records):
      record |= {field: float(mean[i]), f'{field}_error': float(error[i])}
  return records


def _tables(numbers: Mapping[str, object], options: Options) -> list[results.Table]:
  heads = ['context', *(f'{size} views' for size in options.views)]
  tables = []

  def table(title: str, records: Sequence[Mapping], field: str, digits: int, last: list) -> None:
    rows = [
      [
        senses,
        *(
          results.with_error(record[field], record[f'{field}_error'], digits)
          for record in records
          if record['context'] == senses
        ),
      ]
      for senses in _SENSES
    ]
    tables.append(results.Table(title, heads, rows + last))

  for direction in _DIRECTIONS:
    records = [record for record in numbers['accuracy'] if record['argmax'] == direction]
    for rank in _RANKS:
      chance = f'{numbers["chance"][f"top{rank}"]:.3f}'
      last = [['chance', *[chance] * len(options.views)]]
      table(f'top-{rank} accuracy, argmax {direction}', records, f'top{rank}', 3, last)
  own = numbers['own_context']
  table('ELBO given the own context, nats per dimension', own, 'elbo', 4, [])
  table('log-likelihood given the own context, nats per dimension', own, 'log_likelihood', 4, [])
  return tables


def _notes(pool: int, run: Run, options: Options) -> list[str]:
  what = (
    f'the last {options.held_out} {options.target} views'
    if options.together == options.held_out
    else f'{options.together} of the last {options.held_out} {options.target} views'
  )
  notes = [
    f'{what} of each of {options.ways} scenes, assigned by the importance-weighted log p(x | v, C) '
    f'with K = {options.samples}, likelihood std {options.std or run.config.std:g}; means and '
    f'standard errors over {options.draws} draws from {pool} scenes of {options.split!r}.',
    "Argmax over contexts is the paper's text, over targets the authors' code.",
  ]
  if options.draws > pool // options.ways:
    notes.append('Draws share scenes, so that the standard errors are too small.')
  return notes
