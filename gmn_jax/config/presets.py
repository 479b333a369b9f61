"""Named starting points: `small` for a laptop's CPU, `medium` for one GPU, `full` for the paper.

Medium is small's recipe for images of twice the side and 23 times the arithmetic
(docs/results/runs.md, "Medium"). Full is the authors' recipe: 0.42 TFLOP a scene with m2, 10
epochs of 1,000,000 scenes, which is a job for an accelerator and the dataset of that size.
"""

from typing import Any

from gmn_jax.config.config import Config
from mese_env.errors import UserError

# What differs from the defaults of the fields, which are small's.
_CHANGES: dict[str, dict[str, Any]] = {
  'small': {},
  'medium': {
    'image_size': 32,
    'width': 32,
    'draw_steps': 4,
    'latent': 4,
    'dtype': 'bfloat16',
    'dataset': 'shepard_metzler_5',
    'few_steps': 575,
    'batch_size': 64,
    'steps': 2_300,
    'learning_rate': 1.6e-2,
    'log_every': 25,
    'checkpoint_every': 250,
    'validate_every': 250,
    'sample_every': 500,
  },
  'full': {
    'absent': 'prior',
    'image_size': 64,
    'width': 64,
    'draw_steps': 12,
    'latent': 3,
    'dataset': 'shepard_metzler_5',
    'few_steps': 0,
    'batch_size': 12,
    'withheld': 0.0,
    'withheld_views': 0.0,
    'std': 1.0,
    'steps': 833_333,  # 10 epochs of 1,000,000 scenes
    'quiet_start': False,
    'optimizer': 'adam',
    'learning_rate': 1e-4,
    'warmup_steps': 0,
    'decay': 0.0,
    'log_every': 100,
    'checkpoint_every': 1_000,
    'validate_every': 5_000,
    'validate_scenes': 1_000,
    'sample_every': 5_000,
  },
}
PRESETS = tuple(_CHANGES)


def preset(name: str = 'small', **changes: Any) -> Config:
  """The config of a preset, with other values of some fields, as in `preset('small', steps=100)`.

  Raises:
    UserError: there is no such preset, or a field is unknown or malformed.
  """
  if name not in _CHANGES:
    raise UserError(f"there is no preset '{name}'; use one of {', '.join(PRESETS)}.")
  return Config().replace(**{'preset': name, **_CHANGES[name], **changes})
