"""The sum: one expert on the sum of the modalities' representations (the paper's section 2.3).

  python experiments/main.py --config=experiments/configs/baseline.py[:medium|:full]

Cost as `apoe.py`, from which it differs in one line.
"""

from ml_collections import ConfigDict

from experiments.configs import apoe


def get_config(preset: str = 'small') -> ConfigDict:
  """The config of a preset, as `apoe.get_config`."""
  config = apoe.get_config(preset)
  config.variant = 'baseline'
  return config
