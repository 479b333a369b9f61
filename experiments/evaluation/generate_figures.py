"""The figures and the film of what `--mode=generate` imagined.

Dims: B scenes, M modalities, D channels, G grasps, K samples.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation import contexts, results, unseen
from experiments.evaluation.contract import Setting
from experiments.evaluation.generate_records import Generated
from experiments.evaluation.imagining import Imagination, only
from experiments.evaluation.scenes import stack_scenes
from experiments.evaluation.titles import title_of
from experiments.figures import bars, orbit
from experiments.figures import generate as generate_pictures
from experiments.figures import hand as hand_pictures
from gmn_jax.senses import HAPTIC, Sense, cut_scenes, senses_of
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError


def figures(found: Generated, setting: Setting[Any], title: str) -> dict[str, Figure]:
  """The errors, and of the first scenes what was imagined of each sense that is asked for."""
  modalities, of_run = setting.run.model.modalities, title_of(setting.run)
  words = contexts.describe(found.counts, modalities)
  errors = found.errors
  drawn = {
    'errors': generate_pictures.draw_errors(
      errors.squared_error_growing,
      errors.squared_error_without_model,
      generate_pictures.units_of(modalities),
      title,
    )
  }
  for sense, asked in found.asked_of(modalities).items():
    if not sense.drawn_as_pixels:
      drawn |= _draw_bars(found, setting.run, sense, asked, f'imagined from {words} ({of_run})')
  if found.pictures(modalities):
    drawn['growing'] = generate_pictures.draw_growing(
      modalities,
      found.truth.senses,
      found.grown,
      found.asked.heads,
      f'One sample, given more and more ({of_run})',
    )
    drawn[''] = generate_pictures.draw_samples(
      modalities,
      found.given,
      found.counts,
      found.truth.senses,
      found.samples,
      found.baseline,
      found.asked.heads,
      f'Imagined from {words} ({of_run})',
    )
  return drawn


def _draw_bars(
  found: Generated, run: Run, sense: Sense, asked: list[int], title: str
) -> dict[str, Figure]:
  """Bars of one view of the first scene; of grasps also the hand, where it can be drawn."""
  truth_GD = np.concatenate([found.truth.senses[m][0] for m in asked], axis=-1)
  samples_KGD = np.concatenate([found.samples[m][:, 0] for m in asked], axis=-1)
  channels_D = np.concatenate([run.model.modalities[m].cut.indices for m in asked])
  span = sense.range_in(run.ranges)
  drawn = {
    sense.name: bars.draw(
      bars.Reading(sense, span, channels_D),
      truth_GD[0],
      samples_KGD[:, 0],
      f'{results.counted(1, sense.views)[2:].capitalize()} 0 of scene 0, {title}',
    )
  }
  if sense is HAPTIC:
    try:
      drawn['hand'] = hand_pictures.draw(
        found.asked.scenes[0], truth_GD, samples_KGD, channels_D, span, f'Scene 0, {title}'
      )
    except UserError as error:
      print(f'The picture of the hand is left out: {error}')
  return drawn


def files(found: Generated, setting: Setting[Any]) -> dict[str, Callable[[Path], None]]:
  """The film of an orbit, where images are asked for and any view of an object can be had."""
  modalities = setting.run.model.modalities
  images = found.pictures(modalities)
  if not images or not unseen.can_sense_anew(found.scene, senses_of(modalities)):
    return {}
  return {'generate-orbit.gif': functools.partial(_save_orbit, found, setting, images)}


def _save_orbit(found: Generated, setting: Setting[Any], images: Sequence[int], path: Path) -> None:
  """Writes the first object's orbit: the truth, and two samples."""
  run, options = setting.run, setting.options
  modalities = run.model.modalities
  ring = unseen.camera_ring(options.frames, options.elevation)
  raw = stack_scenes([unseen.sense_anew(found.scene, ring, 1, options.seed)], modalities)
  asked = only(images, cut_scenes(modalities, raw, run.ranges))
  first = jax.tree.map(lambda x: x[:1], found.given)
  imagination = Imagination(run, asked.queries, min(2, options.samples), options.seed, 1)
  imagined = imagination(first, found.counts)
  films = generate_pictures.shown(modalities, imagined.drawn)[:, 0]
  names = ['truth', *(f'sample {k + 1}' for k in range(len(films)))]
  truth = generate_pictures.shown(modalities, asked.senses)[0]
  orbit.save(path, names, [truth, *films])
