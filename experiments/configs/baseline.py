"""The sum: one expert on the sum of the modalities' representations (the paper's section 2.3).

  python experiments/main.py --config=experiments/configs/baseline.py[:medium|:full]

Cost as `apoe.py`, from which it differs in one line.
"""

from ml_collections import ConfigDict

from gmn_jax import config


def get_config(preset: str = 'small') -> ConfigDict:
  """The config of a preset, 'small', 'medium' or 'full'.

  Raises:
    UserError: for another preset.
  """
  return ConfigDict(config.preset(preset, variant='baseline').to_dict())
