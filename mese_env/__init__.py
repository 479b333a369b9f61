"""MESE: Shepard-Metzler objects looked at by a camera and grasped by a simulated hand."""

from mese_env.scene import GENERATOR_VERSION, SceneConfig, generate_scene

__all__ = ['GENERATOR_VERSION', 'SceneConfig', 'generate_scene']
