"""Trained models by name: loaded, asked, saved and shared.

May use `training` and what that may use; knows nothing of commands. ::

  import gmn_jax
  belief = gmn_jax.load('apoe-small').belief().look(image, camera)
  belief.imagine(another_camera, samples=8)

The models that come along lie in the folders beside this file.
"""

from gmn_jax.models.belief import Belief
from gmn_jax.models.find import refuse_bundled, run_folder
from gmn_jax.models.model import Model, export, load

__all__ = ['Belief', 'Model', 'export', 'load', 'refuse_bundled', 'run_folder']
