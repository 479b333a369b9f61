"""MESE: Shepard-Metzler objects looked at by a camera and grasped by a simulated hand."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from mese_env.scene import GENERATOR_VERSION, SceneConfig, generate_scene

# The version of the project: pyproject.toml and the other packages read it here.
__version__ = '0.1.0'
__all__ = ['GENERATOR_VERSION', 'SceneConfig', '__version__', 'generate_scene']


def __getattr__(name: str) -> Any:
  """Loads the simulator when one of its names is first used: `mese_env.errors` needs none of it."""
  if name not in __all__:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  return getattr(importlib.import_module('mese_env.scene'), name)
