"""Senses: what a scene is sensed by, how each sense is cut, encoded and rendered.

May use `layers`; knows nothing of experts, latents or training.
"""
