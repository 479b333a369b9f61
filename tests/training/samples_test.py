"""Sample pictures of scenes with few views, or some that are missing."""

import functools

import jax
import numpy as np
import pytest
from PIL import Image

from gmn_jax.training import samples
from tests.tiny_run import RANGES, random_batch, random_run

pytestmark = pytest.mark.long


@pytest.mark.parametrize('views', [1, 2, 3])
def test_scenes_of_few_views_are_drawn(views, tmp_path):
  run = random_run()
  scenes = {n: x if n == 'index' else x[:, :views] for n, x in random_batch(2).items()}
  # Of the second scene the last look is missing, or all of its looks.
  there = np.arange(views) < np.array([[views], [views - 1]])
  scenes |= {'images_there': there}
  draw = jax.jit(functools.partial(samples.sample_views, model=run.model))
  drawn = draw(run.params, scenes, RANGES, jax.random.key(0))
  samples.save_picture(tmp_path / 'sample.png', run.model, drawn)
  width, height = Image.open(tmp_path / 'sample.png').size
  # A frame around each view, a gap between those given and those asked for, and at the ends.
  assert (width, height) == (10 * views + 2 * (views > 1) + 2, 2 * (3 * 10 + 2))
  assert all(np.isfinite(part[0]).all() for part in drawn)
  assert (np.asarray(drawn.generation[0])[~there] == 1).all()
