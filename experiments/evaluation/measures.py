"""What is measured of a prediction of held-out views besides its error, less being better.

Dims: O other objects, W views held out, S senses.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.evaluation.silhouettes import overlap, silhouettes
from gmn_jax.senses import IMAGE, Modality, Sense

SILHOUETTE, NAMED = 'silhouette', 'object by'


class Measure(NamedTuple):
  """One number that says how far off a prediction is.

  Attributes:
    name: in results.
    sense: whose views it is of.
    unit: of the number; empty for the error of a sense, whose unit is the sense's.
  """

  name: str
  sense: Sense
  unit: str = ''


def measures_of(senses: Sequence[Sense], others: int) -> tuple[Measure, ...]:
  """What is measured where so many other objects are known."""
  found = [Measure(sense.name, sense) for sense in senses]
  if IMAGE in senses:
    found.append(Measure(SILHOUETTE, IMAGE, '1 - intersection over union'))
  if others:
    unit = f'share taken for another one of {others + 1}'
    found += [Measure(f'{NAMED} {sense.name}', sense, unit) for sense in senses]
  return tuple(found)


def further(
  senses: Sequence[Sense],
  modalities: Sequence[Modality],
  predicted: Sequence[np.ndarray],
  truth: Sequence[np.ndarray],
  others: Sequence[np.ndarray],
) -> np.ndarray:
  """The numbers of all measures but the errors.

  Args:
    senses: S.
    modalities: of the arrays.
    predicted: means, (1, W, ...) per modality.
    truth: alike.
    others: of other objects at the same poses, (O, W, ...) per modality; none if they are unknown.
  """
  found, of_images = [], [i for i, m in enumerate(modalities) if m.sense == IMAGE]
  if IMAGE in senses:
    one, other = (
      silhouettes([modalities[i] for i in of_images], [np.asarray(x[i]) for i in of_images])
      for x in (predicted, truth)
    )
    found.append(1 - overlap(one, other).mean())
  if others:
    for sense in senses:
      own = [i for i, m in enumerate(modalities) if m.sense == sense]
      at = [np.concatenate([truth[i], others[i]]) - predicted[i] for i in own]
      away = sum(np.square(x).reshape(len(x), -1).sum(axis=1) for x in at)
      found.append(float(np.argmin(away) != 0))
  return np.array(found)
