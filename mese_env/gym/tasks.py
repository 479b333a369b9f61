"""Tasks: name the object while choosing where to sense next, as ap_gym's tasks are shaped.

An action is a mapping of `action`, that of the environment without a task, and `prediction`, a
logit for each label. The reward is minus the cross-entropy of the prediction, in nats, which was
made before the step's observation. `info['prediction']['target']` is the label.
"""

from typing import Any

import gymnasium
import numpy as np

from mese_env import fields, shapes
from mese_env.errors import UserError
from mese_env.gym.base import MeseEnv, Observation, Step
from mese_env.gym.pose_envs import LookEnv, LookTouchEnv, TouchEnv
from mese_env.objects import SHEPARD_METZLER


class Naming(MeseEnv):
  """A task in front of an environment; `label` is which of `shapes.ShapeIds` is asked for.

  Action:
    a mapping of `action`, the numbers below, and `prediction`, a finite logit for each label.
  Reward:
    minus the cross-entropy, in nats, of the prediction, which was made before the step's
    observation.
  Info:
    `prediction`, a mapping whose `target` is the label; besides it, what the environment without a
    task tells.
  """

  label = 'shape_id'

  def __init__(self, *arguments: Any, **settings: Any):
    super().__init__(*arguments, **settings)
    if self.config.object_type != SHEPARD_METZLER.name:
      raise UserError(
        f'object_type is {self.config.object_type!r}, whose labels are not counted; '
        f'a task is of {SHEPARD_METZLER.name!r}.'
      )
    self.num_labels = int(getattr(shapes.shape_counts(self.config.num_parts), self.label))
    self.prediction_space = gymnasium.spaces.Box(-np.inf, np.inf, (self.num_labels,), np.float32)
    self.inner_action_space = self.action_space
    self.action_space = gymnasium.spaces.Dict(
      {'action': self.inner_action_space, 'prediction': self.prediction_space}
    )

  def reset(
    self, *, seed: int | None = None, options: dict[str, Any] | None = None
  ) -> tuple[Observation, dict[str, Any]]:
    """As of the environment without a task; the label is in `info`, too.

    Raises:
      UserError: an option is unknown, is no object, or the object has no such label.
    """
    observation, info = super().reset(seed=seed, options=options)
    if not (len(self.world.thing.positions) == self.config.num_parts and self._target() >= 0):
      raise UserError(
        f'the object has no {self.label} among those of {self.config.num_parts} parts; '
        'give a Shepard-Metzler object of as many.'
      )
    return observation, info | self._told()

  def step(self, action: dict[str, np.ndarray]) -> Step:
    """Scores the prediction, then senses once.

    Raises:
      UserError: it is no action, or no episode has begun.
    """
    if not isinstance(action, dict) or set(action) != {'action', 'prediction'}:
      raise UserError(f"an action is {{'action', 'prediction'}}, and not {fields.shown(action)}.")
    try:
      logits = np.asarray(action['prediction'], np.float64)
    except (TypeError, ValueError):
      logits = np.zeros(0)
    if logits.shape != (self.num_labels,) or not np.isfinite(logits).all():
      raise UserError(
        f'the prediction is {fields.shown(action["prediction"])}; give {self.num_labels} finite '
        'logits.'
      )
    observation, _, terminated, truncated, info = super().step(action['action'])
    reward = float(_log_softmax(logits)[self._target()])
    return observation, reward, terminated, truncated, info | self._told()

  def _target(self) -> int:
    return int(getattr(self.world.thing.ids, self.label))

  def _told(self) -> dict[str, Any]:
    return {'prediction': {'target': self._target()}}


class LookShapeEnv(Naming, LookEnv):
  """Looks, and names the shape up to rotation: one of 6, 18, 72 or 310."""


class TouchShapeEnv(Naming, TouchEnv):
  """Grasps, and names the shape up to rotation: one of 6, 18, 72 or 310."""


class LookTouchShapeEnv(Naming, LookTouchEnv):
  """Looks or grasps, and names the shape up to rotation: one of 6, 18, 72 or 310."""


class LookCellsEnv(Naming, LookEnv):
  """Looks, and names where the blocks are: one of 66, 315, 1453 or 6905 sets of cells."""

  label = 'cells_id'


class TouchCellsEnv(Naming, TouchEnv):
  """Grasps, and names where the blocks are: one of 66, 315, 1453 or 6905 sets of cells."""

  label = 'cells_id'


class LookTouchCellsEnv(Naming, LookTouchEnv):
  """Looks or grasps, and names where the blocks are: one of 66, 315, 1453 or 6905 sets of cells."""

  label = 'cells_id'


def _log_softmax(logits: np.ndarray) -> np.ndarray:
  shifted = logits - logits.max()
  return shifted - np.log(np.sum(np.exp(shifted)))
