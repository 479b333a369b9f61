"""Chosen rays: they see what their pixels show, and estimate the error of all without bias."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.senses.chosen import ChosenRays, choose_rays
from gmn_jax.senses.sets import modality_set
from gmn_jax.senses.volume import VolumeDecoder, VolumeRenderer, rays_through

WINDOWS = [modality_set('m2', 16)[0], *modality_set('m14', 16)[:2]]


def _rendered(modality, chosen=None, views=3):
  """What two scenes' random volumes look like from random sides, and the queries."""
  key_z, key_angles, key_params = jax.random.split(jax.random.key(0), 3)
  decoder = VolumeDecoder((modality,), 2)
  volume, _ = decoder.init_with_output(key_params, jax.random.normal(key_z, (1, 2, 4, 4, 3)))
  angles = jax.random.uniform(key_angles, (2, views, 2), maxval=3)
  turns = jnp.stack([f(angles[..., n]) for n in (0, 1) for f in (jnp.cos, jnp.sin)], axis=-1)
  queries = jnp.concatenate([jnp.zeros((2, views, 3)), turns], axis=-1)
  return VolumeRenderer(modality).apply({}, volume, jnp.ones((1, 2, views)), queries, chosen)


@pytest.mark.parametrize('at_once', [2**20, 0])
@pytest.mark.parametrize('modality', WINDOWS, ids=lambda m: m.name)
def test_chosen_rays_see_what_their_pixels_show(modality, at_once, monkeypatch):
  monkeypatch.setattr('gmn_jax.senses.marching._AT_ONCE', at_once)
  chosen = choose_rays(jax.random.key(1), modality, (2, 3), 7)
  assert chosen is not None
  pixels = rays_through(modality).pixel_R[chosen.numbers_BVR]
  assert all(len(set(view)) == 7 for scene in pixels for view in scene)
  assert len({tuple(view) for scene in pixels for view in scene}) > 1
  image = np.asarray(_rendered(modality)).reshape(2, 3, -1, modality.shape[-1])
  expected = np.take_along_axis(image, pixels[..., None], axis=2)
  np.testing.assert_allclose(_rendered(modality, chosen.numbers_BVR), expected, atol=1e-6)


@pytest.mark.parametrize('count', [1, 9])
@pytest.mark.parametrize('modality', WINDOWS, ids=lambda m: m.name)
def test_over_all_choices_the_estimated_error_is_the_error(modality, count):
  rng, rays = np.random.default_rng(0), rays_through(modality)
  total = len(rays.pixel_R)
  sense, mean = rng.random((2, *modality.shape))
  # Pixels that no ray meets are rendered black.
  met = np.zeros(mean[..., 0].size, bool)
  met[rays.pixel_R] = True
  mean *= met.reshape(*mean.shape[:2], 1)
  numbers_VR = (np.arange(total)[:, None] + np.arange(count)) % total
  seen = mean.reshape(-1, mean.shape[-1])[rays.pixel_R[numbers_VR]]
  views = np.broadcast_to(sense, (1, total, *sense.shape))
  chosen = ChosenRays(jnp.asarray(numbers_VR[None]), modality)
  errors = chosen.estimated_error(jnp.float32(views), jnp.float32(seen[None]))
  np.testing.assert_allclose(np.mean(errors), ((sense - mean) ** 2).sum(), rtol=1e-5)


def test_every_ray_is_chosen_as_often_as_any_other():
  modality, views, count = WINDOWS[1], 20_000, 9
  total = len(rays_through(modality).pixel_R)
  chosen = choose_rays(jax.random.key(0), modality, (1, views), count)
  assert chosen is not None
  share = np.bincount(np.ravel(chosen.numbers_BVR), minlength=total) / views
  expected = count / total
  np.testing.assert_allclose(share, expected, atol=5 * np.sqrt(expected / views))


def test_a_view_of_no_more_rays_than_are_asked_for_is_whole():
  modality = WINDOWS[0]
  total = len(rays_through(modality).pixel_R)
  assert choose_rays(jax.random.key(0), modality, (1, 1), total) is None
  assert choose_rays(jax.random.key(0), modality, (1, 1), total - 1) is not None
