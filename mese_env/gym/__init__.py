"""The environment under Gymnasium's interface; importing it registers the ids.

  import gymnasium, mese_env.gym
  env = gymnasium.make('mese/Touch-v0', num_parts=5)

or without the import, `gymnasium.make('mese_env.gym:mese/Touch-v0')`. What each id's action and
observation are is said with its class, and in docs/environment.md.
"""

import functools

from mese_env.errors import UserError

try:
  import gymnasium
except ImportError as error:
  raise UserError(
    f'Gymnasium cannot be imported ({error}); install it with: pip install "gymnasium>=1.1".'
  ) from error

from mese_env.gym import tasks
from mese_env.gym.hand_env import HandEnv
from mese_env.gym.pose_envs import LookEnv, LookTouchEnv, TouchEnv
from mese_env.gym.vector import TouchVectorEnv

__all__ = ['IDS', 'HandEnv', 'LookEnv', 'LookTouchEnv', 'TouchEnv', 'TouchVectorEnv']

_NUM_POSES = 15  # to an episode, as a scene has of looks and of grasps
_HAND_STEPS = 150  # of 40 ms

# Of each id its environment, and after how many steps an episode is cut off.
_ENVIRONMENTS = {
  'mese/Look-v0': (LookEnv, _NUM_POSES),
  'mese/Touch-v0': (TouchEnv, _NUM_POSES),
  'mese/LookTouch-v0': (LookTouchEnv, _NUM_POSES),
  'mese/Hand-v0': (HandEnv, _HAND_STEPS),
  'mese/LookShape-v0': (tasks.LookShapeEnv, _NUM_POSES),
  'mese/TouchShape-v0': (tasks.TouchShapeEnv, _NUM_POSES),
  'mese/LookTouchShape-v0': (tasks.LookTouchShapeEnv, _NUM_POSES),
  'mese/LookCells-v0': (tasks.LookCellsEnv, _NUM_POSES),
  'mese/TouchCells-v0': (tasks.TouchCellsEnv, _NUM_POSES),
  'mese/LookTouchCells-v0': (tasks.LookTouchCellsEnv, _NUM_POSES),
}
IDS = tuple(_ENVIRONMENTS)

for _name, (_environment, _steps) in _ENVIRONMENTS.items():
  gymnasium.register(
    _name,
    # Where there is no display, Gymnasium would have a class that lacks the mode 'human' be shown
    # by pygame; of a function it sees no modes, and the environment itself refuses.
    functools.partial(_environment),
    max_episode_steps=_steps,
    vector_entry_point=TouchVectorEnv if _environment is TouchEnv else None,
  )
