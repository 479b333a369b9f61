"""The product of experts with a set of parameters for each modality (PoE), of Wu and Goodman
(2018).

  python experiments/main.py --config=experiments/configs/poe.py[:medium|:full]

Cost as `apoe.py`, from which it differs in one line.
"""

from ml_collections import ConfigDict

from experiments.configs import apoe


def get_config(preset: str = 'small') -> ConfigDict:
  """The config of a preset, as `apoe.get_config`."""
  config = apoe.get_config(preset)
  config.variant = 'poe'
  return config
