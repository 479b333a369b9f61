"""Many environments that grasp, simulated together on all cores."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

from mese_env import fields, poses
from mese_env.batch import HandBatch
from mese_env.errors import UserError
from mese_env.gym.base import MeseEnv, Observation, refuse_unknown
from mese_env.gym.pose_envs import TouchEnv
from mese_env.scene import SEEDS
from mese_env.world import Touch


class TouchVectorEnv(gymnasium.vector.VectorEnv):
  """As many `TouchEnv`s as are asked for, bit for bit what each would be alone.

  An environment whose episode has ended is reset by the next step, of which it takes no action
  (`AutoresetMode.NEXT_STEP`).

  Args:
    num_envs: how many.
    max_episode_steps: grasps to an episode.
    num_threads: that simulate; 0 for one on every core.
    settings: of `TouchEnv`; objects have all the same number of parts.

  Raises:
    UserError: an argument is not one of what may be given.
  """

  metadata = {**TouchEnv.metadata, 'autoreset_mode': AutoresetMode.NEXT_STEP}  # noqa: RUF012

  def __init__(
    self, num_envs: int = 1, max_episode_steps: int = 15, num_threads: int = 0, **settings: Any
  ):
    refuse_unknown(settings, TouchVectorEnv, MeseEnv)
    self.num_envs = int(fields.check('num_envs', num_envs, int, range(1, 10_001)))
    self._threads = int(fields.check('num_threads', num_threads, int, range(1025)))
    self._last_step = int(
      fields.check('max_episode_steps', max_episode_steps, int, range(1, 2**31))
    )
    self._envs = [TouchEnv(**settings) for _ in range(num_envs)]
    self.render_mode = self._envs[0].render_mode
    self.single_observation_space = self._envs[0].observation_space
    self.single_action_space = self._envs[0].action_space
    self.observation_space = batch_space(self.single_observation_space, num_envs)
    self.action_space = batch_space(self.single_action_space, num_envs)
    self._hands: HandBatch | None = None
    self._steps = np.zeros(num_envs, int)
    self._wrists: dict[int, poses.Pose] = {}  # of the last grasps, for pictures

  def reset(
    self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
  ) -> tuple[Observation, dict[str, Any]]:
    """Begins an episode in every environment.

    Args:
      seed: of the first one, the next having the next; or of each.
      options: as of `TouchEnv`, for every one.

    Raises:
      UserError: an option is unknown, a seed is no whole number, or there is another number of
        seeds.
    """
    if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str):
      seeds = list(seed)
    elif seed is None:
      seeds = [None] * self.num_envs
    else:
      first = int(fields.check('seed', seed, int, SEEDS))
      seeds = [first + i for i in range(self.num_envs)]
    if len(seeds) != self.num_envs:
      raise UserError(f'{len(seeds)} seeds are given; give one, or {self.num_envs}.')
    self._steps[:] = 0
    self._wrists = {}
    observations, infos = [], {}
    for i, (env, one) in enumerate(zip(self._envs, seeds, strict=True)):
      observation, info = env.reset(seed=one, options=options)
      observations.append(observation)
      infos = self._add_info(infos, info, i)
    return self._together(observations), infos

  def step(
    self, actions: np.ndarray
  ) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """Grasps once in every environment, and resets those whose episode had ended.

    Raises:
      UserError: an action is none, or no episode has begun.
    """
    if np.shape(actions) != self.action_space.shape:
      raise UserError(
        f'the actions are of shape {np.shape(actions)}; give one of {self.action_space.shape}.'
      )
    wrists = [env.wrist_of(action) for env, action in zip(self._envs, actions, strict=True)]
    has_ended = self._steps == self._last_step
    grasping = np.flatnonzero(~has_ended)
    readings = self._close([self._envs[i] for i in grasping], [wrists[i] for i in grasping])
    felt = dict(zip(grasping.tolist(), readings, strict=True))
    self._wrists = {i: wrists[i] for i in felt}
    observations, infos = [], {}
    for i, env in enumerate(self._envs):
      if i in felt:
        observation, *_, info = env.feel(wrists[i], Touch.of(felt[i]))
      else:
        observation, info = env.reset()
      observations.append(observation)
      infos = self._add_info(infos, info, i)
    self._steps = np.where(has_ended, 0, self._steps + 1)
    rewards, terminated = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
    return self._together(observations), rewards, terminated, self._steps == self._last_step, infos

  def render(self) -> tuple[Any, ...]:
    """The frames of all environments; each grasp is simulated again, so that its hand is in it."""
    for i, wrist in self._wrists.items():
      self._envs[i].world.grasp(wrist)
    return tuple(env.render() for env in self._envs)

  def close_extras(self, **settings: Any) -> None:
    """Closes the windows, where there are any."""
    del settings
    for env in self._envs:
      env.close()

  def _close(self, envs: list[TouchEnv], wrists: list[Any]) -> np.ndarray:
    if self._hands is None:
      config = envs[0].config
      self._hands = HandBatch(self.num_envs, config.num_parts, config.hand, self._threads)
    return self._hands.close([env.world.thing.positions for env in envs], wrists)

  def _together(self, observations: list[Observation]) -> Observation:
    space = self.single_observation_space
    into = create_empty_array(space, self.num_envs)
    return concatenate(space, observations, into)  # pyright: ignore[reportReturnType] - a Dict's
