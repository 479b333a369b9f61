"""Renderings: how the model gets from latents to views, and what of it all views of a scene share.

Dims: S episodes of a scene, B scenes, h w latent grid, T Z latent channels.
"""

import dataclasses
from collections.abc import Callable

import flax.linen as nn
import jax
import numpy as np

from gmn_jax.senses.chosen import ChosenRays, choose_rays
from gmn_jax.senses.modality import Modality
from gmn_jax.senses.rays import refuse_other_cameras
from gmn_jax.senses.sense import Sense
from gmn_jax.senses.volume import VolumeDecoder, VolumeRenderer

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Rendering:
  """How views are rendered.

  Attributes:
    name: in configs.
    renderer: of a modality, a width, a number of steps and whether to recompute them, a module of
      latents or what is made of them, of the episode of each view and of queries: the means of the
      views.
    scene: of a sense, its modalities and a width, a module that makes of the latents (S, B, h, w,
      T Z) what the renderers of this sense take in their place, once for all views of all its
      modalities; None: they take the latents.
    check: of a sense and the poses of its views (n, 5); raises UserError where views from there
      cannot be rendered.
    choose: of a key, a modality, how many scenes and views and how many rays, the rays of each view
      that a training step follows, whose numbers the renderers of that modality then take as a
      fourth argument, and return their colours alone; all that no ray meets is black. None: views
      are rendered whole, whatever is asked for.
  """

  name: str
  renderer: Callable[[Modality, int, int, bool], nn.Module]
  scene: Callable[[Sense, tuple[Modality, ...], int], nn.Module | None]
  check: Callable[[Sense, np.ndarray], None] = lambda sense, poses_n5: None
  choose: Callable[[Array, Modality, tuple[int, int], int], ChosenRays | None] | None = None


def _own_renderer(modality: Modality, width: int, steps: int, remat: bool) -> nn.Module:
  return modality.sense.renderer(modality, width, steps, remat)


def _from_volume(modality: Modality, width: int, steps: int, remat: bool) -> nn.Module:
  if modality.sense.drawn_as_pixels:
    return VolumeRenderer(modality)
  return _own_renderer(modality, width, steps, remat)


def _volume(sense: Sense, modalities: tuple[Modality, ...], width: int) -> nn.Module | None:
  return VolumeDecoder(modalities, width) if sense.drawn_as_pixels else None


def _check(sense: Sense, poses_n5: np.ndarray) -> None:
  if sense.drawn_as_pixels:
    refuse_other_cameras(poses_n5)


def _choose(
  key: Array, modality: Modality, views: tuple[int, int], count: int
) -> ChosenRays | None:
  return choose_rays(key, modality, views, count) if modality.sense.drawn_as_pixels else None


# Every modality by the renderer of its sense, as in the paper.
PAPER = Rendering('paper', _own_renderer, lambda sense, modalities, width: None)
# Images from a volume, everything else as in the paper.
VOLUME = Rendering('volume', _from_volume, _volume, _check, _choose)
# By the name that a config gives; a rendering of one's own is entered here before it is asked for.
RENDERINGS = {rendering.name: rendering for rendering in (PAPER, VOLUME)}
