"""The model learns: eight scenes, three hundred steps."""

import jax
import numpy as np
import pytest

from gmn_jax.config import make_model
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses import Range, cut_scenes
from gmn_jax.senses.image import centre
from gmn_jax.training.quiet_start import mean_biases
from gmn_jax.training.sharding import make_layout
from gmn_jax.training.train_step import init_state
from gmn_jax.training.validation import Validation
from mese_env import SceneConfig, generate_scene
from tests.tiny_run import tiny_config, tiny_step

pytestmark = pytest.mark.optimised

_SIZE, _VIEWS = 8, 6


@pytest.mark.slow
def test_three_hundred_steps_on_eight_scenes_beat_the_mean_image_fourfold():
  scene_config = SceneConfig(image_size=32, num_looks=_VIEWS, num_grasps=_VIEWS)
  scenes = [generate_scene(scene_config, seed=0, index=i) for i in range(8)]
  fields = ('images', 'cameras', 'haptics', 'hands')
  batch = {name: np.stack([scene[name] for scene in scenes]) for name in fields}
  haptics = batch['haptics'].reshape(-1, 132)
  ranges = {'haptic': Range(haptics.min(axis=0), haptics.max(axis=0))}
  config = tiny_config(
    image_size=_SIZE,
    width=32,
    draw_steps=3,
    latent=3,
    std=0.2,
    optimizer='muon',
    learning_rate=7e-3,
    warmup_steps=20,
    batch_size=8,
    validate_scenes=8,
  )
  model = make_model(config)
  biases = mean_biases(model, cut_scenes(model.modalities, batch, ranges))
  state = init_state(model, make_optimizer(config), config.seed, biases)
  step = jax.jit(tiny_step(config)[0], donate_argnums=0)
  for _ in range(300):
    state, _ = step(state, batch, ranges)
  layout = make_layout(8, 1, jax.devices()[:1])
  validation = Validation(model, scenes, scenes, ranges, None, layout, config)
  error = validation.measure(state.params)['val']['squared_error/rgb'] / (_SIZE * _SIZE * 3)
  images = np.asarray(centre(batch['images'].astype(np.float32) / 255, _SIZE))
  of_mean_image = ((images - images.mean(axis=(0, 1))) ** 2).mean()
  assert error < 0.25 * of_mean_image, error / of_mean_image
