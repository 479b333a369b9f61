"""The MESE scenes as a TensorFlow Datasets dataset, built and read without TensorFlow."""

import importlib
from typing import TYPE_CHECKING, Any

from mese_env import __version__

if TYPE_CHECKING:
  from tfds_mese.dataset import Dataset, Source
  from tfds_mese.own_data import from_arrays, open_folder
  from tfds_mese.reading import open_dataset

__all__ = ['Dataset', 'Source', '__version__', 'from_arrays', 'open_dataset', 'open_folder']

_MODULES = {
  'Dataset': 'dataset',
  'Source': 'dataset',
  'from_arrays': 'own_data',
  'open_dataset': 'reading',
  'open_folder': 'own_data',
}


def __getattr__(name: str) -> Any:
  """Loads TFDS when a name that needs it is first used: what a dataset is needs none of it."""
  if name not in _MODULES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  return getattr(importlib.import_module(f'{__name__}.{_MODULES[name]}'), name)
