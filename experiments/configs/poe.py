"""The product of experts with a set of parameters for each modality (PoE), of Wu and Goodman
(2018).

  python experiments/main.py --config=experiments/configs/poe.py[:medium|:full]

Cost as `apoe.py`, from which it differs in one line.
"""

from ml_collections import ConfigDict

from gmn_jax import config


def get_config(preset: str = 'small') -> ConfigDict:
  """The config of a preset, 'small', 'medium' or 'full'.

  Raises:
    UserError: for another preset.
  """
  return ConfigDict(config.preset(preset, variant='poe').to_dict())
