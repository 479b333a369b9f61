"""MESE: Shepard-Metzler objects looked at by a camera and grasped by a simulated hand."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from mese_env.objects import Object, given_object, sample_object
  from mese_env.scene import GENERATOR_VERSION, SceneConfig, generate_scene
  from mese_env.world import Touch, World

# The version of the project: pyproject.toml and the other packages read it here.
__version__ = '0.1.0'
__all__ = [
  'GENERATOR_VERSION',
  'Object',
  'SceneConfig',
  'Touch',
  'World',
  '__version__',
  'generate_scene',
  'given_object',
  'sample_object',
]

_MODULES = {
  'GENERATOR_VERSION': 'scene',
  'Object': 'objects',
  'SceneConfig': 'scene',
  'Touch': 'world',
  'World': 'world',
  'generate_scene': 'scene',
  'given_object': 'objects',
  'sample_object': 'objects',
}


def __getattr__(name: str) -> Any:
  """Loads the simulator when one of its names is first used: `mese_env.errors` needs none of it."""
  if name not in _MODULES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  return getattr(importlib.import_module(f'{__name__}.{_MODULES[name]}'), name)
