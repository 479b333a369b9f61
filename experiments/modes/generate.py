"""Imagines objects from any context and senses them anew (paper Figures 1, S5 and S6).

  python experiments/main.py --workdir=RUN --mode=generate --context=rgb:1,haptic:15 --target=rgb

What is asked for is seen from a ring of cameras and felt in fresh grasps, whose truth is computed
from the object itself, so that every view of a scene may be given. Names are those of modalities,
or 'image' and 'haptic' for all modalities of that kind.

Dims: B scenes, M modalities, V views given, Q queries.
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import baselines, contexts, results, unseen
from experiments.evaluation.imagining import Imagination, only, squared_errors
from experiments.evaluation.options import require_at_least
from experiments.evaluation.scenes import first_scenes, stack_scenes
from experiments.figures import generate as generate_pictures
from experiments.figures import hand as hand_pictures
from experiments.figures import haptic_bars, orbit
from gmn_jax.senses.batch import Views, cut_scenes
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset


@dataclasses.dataclass(frozen=True)
class Options:
  """What is given, what is asked for, and how much of it."""

  # Given: how many views of which modalities, the first ones; 'nothing': none.
  context: tuple[str, ...] = ('image:1', 'haptic:15')
  # Asked for: which modalities.
  target: tuple[str, ...] = ('image', 'haptic')
  # How many views of images, of haptics, and of both the growing contexts give.
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


def evaluate(
  run: Run, dataset: Dataset, workdir: pathlib.Path, options: Options
) -> results.Results:
  """Imagines, measures and draws.

  Writes `generate.json` and `.txt`; `generate.png`, samples from the context;
  `generate-growing.png`, from more and more views; `generate-errors.png`; `generate-haptic.png`,
  bars of one grasp; `generate-hand.png`, the hand, where OpenGL is; and `generate-orbit.gif`. A
  picture of a sense is drawn where it is asked for.

  Raises:
    UserError: an option asks for what the model or the dataset does not have.
  """
  began = time.monotonic()
  modalities = run.model.modalities
  target = contexts.parse_target(options.target, modalities)
  scenes = first_scenes(dataset, options.split, options.scenes)
  views, raw_asked, heads = _ask(scenes, options)
  counts = contexts.parse_context(options.context, modalities, views)
  growing = {
    family: {n: contexts.give(kinds, n, modalities, views) for n in options.growing}
    for family, kinds in contexts.FAMILIES.items()
  }
  given, asked = (
    cut_scenes(modalities, stack_scenes(raw), run.haptic_range) for raw in (scenes, raw_asked)
  )
  asked = only(target, asked)
  imagination = Imagination(run, asked.queries, options.samples, options.seed, options.objects)

  def measure(predicted: tuple[np.ndarray, ...]) -> dict[str, tuple[float, float]]:
    errors = squared_errors(modalities, predicted, asked.senses)
    return {kind: tuple(map(float, results.mean_and_error(e))) for kind, e in errors.items()}

  # Families of contexts meet where they give nothing.
  @functools.cache
  def imagine(
    counts_M: tuple[int, ...],
  ) -> tuple[Mapping[str, tuple[float, float]], tuple[np.ndarray, ...]]:
    answer = imagination(given, counts_M)
    return measure(answer.mean), answer.drawn

  errors, samples = imagine(counts)
  grown, drawn = {}, {}
  for family, members in growing.items():
    answers = {n: imagine(member) for n, member in members.items()}
    grown[family] = {n: measured for n, (measured, _) in answers.items()}
    drawn[family] = {n: [sample[0] for sample in shown] for n, (_, shown) in answers.items()}
  baseline = baselines.predict(run, dataset.splits['train'], asked.queries)
  of_context = {'the context': errors}
  if len(scenes) > 1:
    others = jax.tree.map(lambda x: jnp.roll(x, 1, axis=0), given)
    of_context["another object's"] = measure(imagination(others, counts).mean)
  without_model = {
    'mean training view': measure(baseline.mean),
    'nearest training view': measure(baseline.nearest),
  }

  words = contexts.describe(counts, modalities)
  looks, grasps = (
    results.counted(count, name)
    for count, name in ((options.cameras, 'looks'), (options.grasps, 'grasps'))
  )
  asked_words = (
    f'{looks} from a ring around the object, {grasps} anew'
    if 'positions' in scenes[0]
    else f'the last {looks} and {grasps}'
  )
  of = f'{run.config.variant}, {run.config.modalities}, {run.config.preset}, step {run.step:,}'
  measured_on = f'{options.scenes} scenes of {run.config.dataset} ({options.split})'
  figures = {'errors': generate_pictures.draw_errors(grown, without_model, f'{of}; {measured_on}')}
  kinds = {modalities[m].kind for m in target}
  if 'haptic' in kinds:
    figures |= _draw_touch(
      run, target, raw_asked[0], asked, samples, f'imagined from {words} ({of})'
    )
  if 'image' in kinds:
    figures['growing'] = generate_pictures.draw_growing(
      modalities, asked.senses, drawn, heads, f'One sample, given more and more ({of})'
    )
    figures[''] = generate_pictures.draw_samples(
      modalities,
      given,
      counts,
      asked.senses,
      samples,
      baseline,
      heads,
      f'Imagined from {words} ({of})',
    )
  found = results.Results(
    'generate',
    run,
    options,
    [run.config.dataset],
    {
      'context': dict(zip([m.name for m in modalities], counts, strict=True)),
      'squared_error': of_context,
      'squared_error_growing': grown,
      'squared_error_without_model': without_model,
    },
    _tables(words, of_context, grown, without_model),
    [
      f'Mean squared error ± standard error over the first {options.scenes} scenes of '
      f"'{options.split}'; the prediction is the mean over {options.samples} samples of z from "
      f'p(z | C). Asked for of each scene: {asked_words}.'
    ],
    time.monotonic() - began,
  )
  results.write(found, figures, workdir)
  if 'image' in kinds and 'positions' in scenes[0]:
    _orbit(run, scenes[0], given, counts, target, options, workdir / 'generate-orbit.gif')
  return found


def _ask(
  scenes: list[dict[str, np.ndarray]], options: Options
) -> tuple[int, list[dict[str, np.ndarray]], list[str]]:
  """How many views may be given, what is asked for (raw), and a head for each look asked for."""
  views = len(scenes[0]['cameras'])
  if 'positions' in scenes[0]:
    ring = unseen.camera_ring(options.cameras, options.elevation)
    anew = [unseen.sense_anew(scene, ring, options.grasps, options.seed) for scene in scenes]
    return views, anew, [f'{round(360 * i / options.cameras)}°' for i in range(options.cameras)]
  kept = max(options.cameras, options.grasps)
  if kept >= views:
    raise UserError(
      f'{kept} views are asked for, but a scene has {views}, and its object is not known, so that '
      f'none can be made; give --cameras and --grasps below {views}.'
    )
  last = [unseen.keep_last(scene, options.cameras, options.grasps) for scene in scenes]
  return views - kept, last, [f'view {views - options.cameras + i}' for i in range(options.cameras)]


def _draw_touch(
  run: Run,
  target: tuple[int, ...],
  raw: dict[str, np.ndarray],
  asked: Views,
  samples: tuple[np.ndarray, ...],
  title: str,
) -> dict[str, Figure]:
  """Bars of one grasp of the first scene, and the hand in all of them where it can be drawn."""
  haptic = [m for m in target if run.model.modalities[m].kind == 'haptic']
  truth_GD = np.concatenate([asked.senses[m][0] for m in haptic], axis=-1)
  samples_KGD = np.concatenate([samples[m][:, 0] for m in haptic], axis=-1)
  channels_D = np.concatenate([run.model.modalities[m].cut.indices for m in haptic])
  drawn = {
    'haptic': haptic_bars.draw(
      truth_GD[0], samples_KGD[:, 0], channels_D, run.haptic_range, f'Grasp 0 of scene 0, {title}'
    )
  }
  try:
    drawn['hand'] = hand_pictures.draw(
      raw, truth_GD, samples_KGD, channels_D, run.haptic_range, f'Scene 0, {title}'
    )
  except UserError as error:
    print(f'The picture of the hand is left out: {error}')
  return drawn


def _tables(
  words: str,
  of_context: Mapping[str, Mapping[str, tuple[float, float]]],
  grown: Mapping[str, Mapping[int, Mapping[str, tuple[float, float]]]],
  without_model: Mapping[str, Mapping[str, tuple[float, float]]],
) -> list[results.Table]:
  rows = {f'{name} {words}': measured for name, measured in of_context.items()}
  for family, by_number in grown.items():
    rows |= {
      f'{family}: {results.counted(n, "views")}': measured for n, measured in by_number.items()
    }
  rows |= {f'no model: {name}': measured for name, measured in without_model.items()}
  kinds = list(next(iter(of_context.values())))
  shown = [
    [name, *(results.with_error(*measured[kind], digits=5) for kind in kinds)]
    for name, measured in rows.items()
  ]
  heads = ['given', *(f'{kind} {generate_pictures.UNITS[kind]}' for kind in kinds)]
  title = 'Error of what was asked for, by what was given of each modality'
  return [results.Table(title, heads, shown)]


def _orbit(
  run: Run,
  scene: dict[str, np.ndarray],
  given: Views,
  counts: tuple[int, ...],
  target: tuple[int, ...],
  options: Options,
  path: pathlib.Path,
) -> None:
  """Writes the first object's orbit: the truth, and two samples."""
  modalities = run.model.modalities
  images = [m for m in target if modalities[m].kind == 'image']
  ring = unseen.camera_ring(options.frames, options.elevation)
  raw = stack_scenes([unseen.sense_anew(scene, ring, 1, options.seed)])
  asked = only(images, cut_scenes(modalities, raw, run.haptic_range))
  first = jax.tree.map(lambda x: x[:1], given)
  imagined = Imagination(run, asked.queries, min(2, options.samples), options.seed, 1)(
    first, counts
  )
  films = generate_pictures.shown(modalities, imagined.drawn)[:, 0]
  names = ['truth', *(f'sample {k + 1}' for k in range(len(films)))]
  truth = generate_pictures.shown(modalities, asked.senses)[0]
  orbit.save(path, names, [truth, *films])
