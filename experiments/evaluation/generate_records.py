"""What was imagined, and how far it is from the truth.

Dims: K samples, Q queries.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.evaluation.baselines import Baselines
from gmn_jax.senses import Modality, Sense, Views, senses_of

# By the name of a sense, a mean over scenes and its standard error.
BySense = Mapping[str, tuple[float, float]]
# By the name of a sense, a number of each scene.
OfScenes = Mapping[str, Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Errors:
  """What was measured; the fields are those of `generate.json`.

  Attributes:
    context: how many views of each modality are given.
    squared_error: of what was asked for, from the scene's own context and from another object's.
    squared_error_growing: by family of contexts and how many views they give.
    squared_error_without_model: by predictor.
    by_scene: `squared_error_growing` of every scene.
  """

  context: Mapping[str, int]
  squared_error: Mapping[str, BySense]
  squared_error_growing: Mapping[str, Mapping[int, BySense]]
  squared_error_without_model: Mapping[str, BySense]
  by_scene: Mapping[str, Mapping[int, OfScenes]]


class Asked(NamedTuple):
  """What is asked for of the scenes.

  Attributes:
    scenes: raw, as sensed where it is asked for.
    heads: names of its looks.
    leaves: how many views of a scene may be given.
    words: what it is.
  """

  scenes: list[dict[str, np.ndarray]]
  heads: list[str]
  leaves: int
  words: str


@dataclasses.dataclass(frozen=True)
class Generated:
  """All that was found.

  Attributes:
    errors: what was measured.
    target: which modalities are asked for.
    counts: how many views of each modality are given.
    scene: the first one.
    asked: what is asked for.
    given: the scenes' views.
    truth: the views that are asked for.
    samples: from the context, of each modality (K, objects, Q, *shape).
    grown: from growing contexts one sample, by family and how many views they give.
    baseline: what needs no model.
  """

  errors: Errors
  target: tuple[int, ...]
  counts: tuple[int, ...]
  scene: dict[str, np.ndarray]
  asked: Asked
  given: Views
  truth: Views
  samples: tuple[np.ndarray, ...]
  grown: Mapping[str, Mapping[int, Sequence[np.ndarray]]]
  baseline: Baselines

  def asked_of(self, modalities: Sequence[Modality]) -> dict[Sense, list[int]]:
    """By sense the modalities that are asked for."""
    senses = senses_of([modalities[m] for m in self.target])
    return {s: [m for m in self.target if modalities[m].sense == s] for s in senses}

  def pictures(self, modalities: Sequence[Modality]) -> list[int]:
    """The modalities asked for that are drawn as pictures."""
    return [m for m in self.target if modalities[m].sense.drawn_as_pixels]
