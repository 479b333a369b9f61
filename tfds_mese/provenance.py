"""What a built dataset says of its scenes: what made them, and the range of what they feel."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mese_env import GENERATOR_VERSION
from mese_env.sensors import SENSOR_NAMES
from tfds_mese.configs import MeseConfig


def provenance_of(config: MeseConfig) -> dict[str, Any]:
  """What the scenes were made of and with: enough to make any of them again."""
  return {
    'seed': config.seed,
    'generator_version': GENERATOR_VERSION,
    'mujoco_version': importlib.metadata.version('mujoco'),
    'numpy_version': importlib.metadata.version('numpy'),
    'splits': {name: asdict(split) for name, split in config.splits.items()},
  }


def digest(config: MeseConfig) -> str:
  """Names what decides each scene, whatever number of them there is."""
  provenance = provenance_of(config)
  for split in provenance['splits'].values():
    del split['num_scenes']
  return hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:12]


def haptic_range(
  scenes: Iterable[Mapping[str, np.ndarray]], num_grasps: int
) -> dict[str, list[float]]:
  """Smallest and largest value of each haptic channel over the training split, as written.

  Args:
    scenes: of that split.
    num_grasps: of each; where it is 0 the range is zeros.
  """
  low, high = np.array(np.inf, np.float32), np.array(-np.inf, np.float32)
  if not num_grasps:
    low = high = np.zeros(len(SENSOR_NAMES), np.float32)
  for scene in scenes:
    low = np.minimum(low, scene['haptics'].min(axis=0, initial=np.inf))
    high = np.maximum(high, scene['haptics'].max(axis=0, initial=-np.inf))
  return {'haptic_min': low.tolist(), 'haptic_max': high.tolist()}
