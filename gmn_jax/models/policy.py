"""A trained model as a policy of `mese_env.baselines`: it senses where it expects most."""

import dataclasses
import os
import pathlib

import numpy as np

from gmn_jax.models.belief import Belief
from gmn_jax.models.model import load
from gmn_jax.senses import HAPTIC, IMAGE
from mese_env import baselines, poses

# Of what the baselines call a sense, the name that a belief knows it by.
_SENSES = {'look': IMAGE.name, 'touch': HAPTIC.name}


def policy_of(name: str | os.PathLike) -> baselines.Policy:
  """The policy that senses, of some random poses, where `Belief.information` is largest.

  Args:
    name: of the model, as `load` takes it.

  Raises:
    UserError: there is no such model.
  """
  return baselines.Policy(pathlib.Path(name).name, _Chooser(load(name).belief()))


@dataclasses.dataclass
class _Chooser:
  """What is believed of one object after another.

  Attributes:
    nothing: what is believed of any object.
    belief: what is believed of the one that is sensed.
  """

  nothing: Belief
  belief: Belief = dataclasses.field(init=False)

  def __call__(
    self, sensed: list[baselines.Sensed], sense: baselines.Sense, rng: np.random.Generator
  ) -> poses.Pose:
    """The next pose; all but the last of what was sensed was told by the calls before."""
    name = _SENSES[sense.name]
    if not sensed:
      self.belief = self.nothing
    elif sensed[-1].felt is not None:
      self.belief = self.belief.add(name, sensed[-1].felt, poses.query(sensed[-1].pose))
    found = baselines.candidates(sensed, sense, rng)
    if len(found) == 1:
      return found[0]
    told = self.belief.information(name, np.stack([poses.query(pose) for pose in found]))
    return found[int(told.argmax())]
