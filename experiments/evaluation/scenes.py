"""The raw scenes that an evaluation takes from a dataset.

Scenes of one's own may lack views. An evaluation takes those that have as many of every sense as it
asks for, so that all of them answer the same question.

Dims: N scenes, S senses.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gmn_jax.senses import Modality, Sense, senses_of
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

Scene = Mapping[str, np.ndarray]


class Stock(NamedTuple):
  """What the scenes of a split hold.

  Attributes:
    senses: those of the model that the scenes have views of.
    counts_NS: of every scene how many views of each.
  """

  senses: tuple[Sense, ...]
  counts_NS: np.ndarray

  def views_for(self, asked: int) -> int:
    """So many views of every sense as asked, if two scenes have them, or as half of the scenes
    have; the more of both.
    """
    of_all_N = self.counts_NS.min(axis=1)
    usual = int(np.sort(of_all_N)[(len(of_all_N) - 1) // 2]) or int(of_all_N.max())
    return max(usual, asked) if (of_all_N >= asked).sum() >= 2 else usual

  def scenes_with(self, views: int) -> int:
    """How many scenes have so many views of every sense."""
    return int((self.counts_NS.min(axis=1) >= views).sum())


def survey(dataset: Dataset, split: str, modalities: Sequence[Modality]) -> Stock:
  """What a split holds; reads all of its scenes only where some lack views.

  Raises:
    UserError: there is no such split, or its scenes have none of the model's senses.
  """
  source = _source(dataset, split)
  if not len(source):
    raise UserError(f"'{split}' has no scene; give another --split.")
  first = source[0]
  senses = senses_in(first, modalities)
  if not _has_gaps(first, senses):
    counts = [[len(first[sense.pose_field]) for sense in senses]]
    return Stock(senses, np.broadcast_to(counts, (len(source), len(senses))))
  scenes = (source[i] for i in range(len(source)))
  return Stock(senses, np.array([[_there(s, sense).size for sense in senses] for s in scenes]))


def complete_scenes(
  dataset: Dataset, split: str, count: int, modalities: Sequence[Modality], views: int
) -> list[dict[str, np.ndarray]]:
  """The first scenes of a split that have `views` views of every sense there is.

  Where scenes lack views, they hold only so many, the first ones; else all of theirs.

  Raises:
    UserError: there is no such split, or there are fewer such scenes.
  """
  source, complete = _source(dataset, split), []
  for position in range(len(source)):
    scene = source[position]
    senses = senses_in(scene, modalities)
    if _has_gaps(scene, senses):
      there = {sense: _there(scene, sense)[:views] for sense in senses}
      if min(map(len, there.values())) < views:
        continue
      scene = _cut(scene, there, modalities, views)
    complete.append(scene)
    if len(complete) == count:
      if position + 1 > count:
        print(
          f"{position + 1 - count} of the first {position + 1} scenes of '{split}' are left out, "
          f'which have fewer than {views} views of each sense.',
          file=sys.stderr,
        )
      return complete
  of_views = f' with {views} views of each sense' if len(complete) < len(source) else ''
  raise UserError(
    f"{count} scenes of '{split}'{of_views} are asked for, and it has {len(complete)}; ask for "
    'fewer.'
  )


def first_scenes(dataset: Dataset, split: str, count: int) -> list[dict[str, np.ndarray]]:
  """The first scenes of a split, as they are.

  Raises:
    UserError: there is no such split, or it has fewer scenes.
  """
  source = _source(dataset, split)
  if count > len(source):
    raise UserError(
      f"{count} scenes of '{split}' are asked for, and it has {len(source)}; ask for fewer."
    )
  return [source[i] for i in range(count)]


def stack_scenes(scenes: Sequence[Scene], modalities: Sequence[Modality]) -> dict[str, np.ndarray]:
  """What modalities are cut from, of all scenes: as `gmn_jax.senses.cut_scenes` takes it."""
  fields = []
  for sense in senses_of(modalities):
    if sense.field in scenes[0] or sense.there_field not in scenes[0]:
      fields += [sense.field, sense.pose_field]
    if sense.there_field in scenes[0]:
      fields.append(sense.there_field)
  return {field: np.stack([scene[field] for scene in scenes]) for field in fields}


def senses_in(scene: Scene, modalities: Sequence[Modality]) -> tuple[Sense, ...]:
  """The senses of modalities of which a dataset has views, as any scene of it tells.

  Raises:
    UserError: it has none of them.
  """
  senses = tuple(s for s in senses_of(modalities) if s.field in scene)
  if not senses:
    names = ', '.join(sense.field for sense in senses_of(modalities))
    raise UserError(f'the scenes have none of {names}, which the model senses; give others.')
  return senses


def sensed(dataset: Dataset, split: str, modalities: Sequence[Modality]) -> list[Modality]:
  """The modalities that are cut from senses of which a split has views."""
  there = senses_in(_source(dataset, split)[0], modalities)
  return [m for m in modalities if m.sense in there]


def views_of(scene: Scene, modalities: Sequence[Modality]) -> int:
  """How many views of each modality a complete scene holds."""
  return len(scene[senses_in(scene, modalities)[0].pose_field])


def _source(dataset: Dataset, split: str):
  if split not in dataset.splits:
    raise UserError(f"there is no split '{split}'; use one of {', '.join(dataset.splits)}.")
  return dataset.splits[split]


def _has_gaps(scene: Scene, senses: Sequence[Sense]) -> bool:
  return any(sense.there_field in scene for sense in senses)


def _there(scene: Scene, sense: Sense) -> np.ndarray:
  """The places of the views that a scene has of a sense."""
  everything = np.ones(len(scene[sense.pose_field]), bool)
  return np.flatnonzero(scene.get(sense.there_field, everything))


def _cut(
  scene: Scene, there: Mapping[Sense, np.ndarray], modalities: Sequence[Modality], views: int
) -> dict[str, np.ndarray]:
  """The scene with those views alone, and of a sense that no scene has still none."""
  cut = dict(scene)
  for sense in senses_of(modalities):
    if sense in there:
      cut |= {field: scene[field][there[sense]] for field in (sense.field, sense.pose_field)}
      cut.pop(sense.there_field, None)
    else:
      cut[sense.there_field] = np.zeros(views, bool)
  return cut
