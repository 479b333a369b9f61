"""The environment under Gymnasium's interface; importing it registers the ids.

  import gymnasium, mese_env.gym
  env = gymnasium.make('mese/Touch-v0', num_parts=5)

or without the import, `gymnasium.make('mese_env.gym:mese/Touch-v0')`. What each id's action and
observation are is said with its class, and in docs/environment.md.
"""

from mese_env.errors import UserError

try:
  import gymnasium
except ImportError as error:
  raise UserError(
    f'Gymnasium cannot be imported ({error}); install it with: pip install "gymnasium>=1.1".'
  ) from error

from mese_env.gym.hand_env import HandEnv
from mese_env.gym.pose_envs import LookEnv, LookTouchEnv, TouchEnv

__all__ = ['HandEnv', 'LookEnv', 'LookTouchEnv', 'TouchEnv']

NUM_POSES = 15  # to an episode, as a scene has of looks and of grasps
HAND_STEPS = 150  # of 40 ms

gymnasium.register('mese/Look-v0', LookEnv, max_episode_steps=NUM_POSES)
gymnasium.register('mese/Touch-v0', TouchEnv, max_episode_steps=NUM_POSES)
gymnasium.register('mese/LookTouch-v0', LookTouchEnv, max_episode_steps=NUM_POSES)
gymnasium.register('mese/Hand-v0', HandEnv, max_episode_steps=HAND_STEPS)
