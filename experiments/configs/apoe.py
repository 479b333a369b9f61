"""The amortised product of experts (APoE), the paper's contribution.

  python experiments/main.py --config=experiments/configs/apoe.py         # small, the default
  python experiments/main.py --config=experiments/configs/apoe.py:medium  # one GPU, minutes
  python experiments/main.py --config=experiments/configs/apoe.py:full    # the paper's sizes

`gmn_jax/config/sections.py` explains every field; `--config.<field>=` sets it.
`gmn_jax/config/presets.py` says what the presets are and cost.
"""

from ml_collections import ConfigDict

from gmn_jax import config


def get_config(preset: str = 'small') -> ConfigDict:
  """The config of a preset, 'small', 'medium' or 'full'.

  Raises:
    UserError: for another preset.
  """
  return ConfigDict(config.preset(preset, variant='apoe').to_dict())
