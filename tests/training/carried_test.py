"""Training that begins with a trained model, of images of the same size or of another."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.checkpoint import load_run, save_model
from gmn_jax.config import make_model
from gmn_jax.model import apply, parameter_shapes
from gmn_jax.training.carried import carried_params, check_start, model_to_start_from
from gmn_jax.training.prepare import prepare
from gmn_jax.training.train import train
from mese_env.errors import UserError
from tests.tiny_run import random_dataset, random_run, tiny_config


def _saved(folder, **fields):
  """A run of noise, saved, and its folder."""
  run = random_run(**fields)
  save_model(run, folder)
  return run, str(folder)


def _felt(model, params):
  """A grasp imagined from latents that are the same in every cell, by dense layers alone."""
  # Convolutions, which have four axes, feel the border of a grid.
  params = jax.tree.map(lambda x: x if x.ndim != 4 else np.zeros_like(x), params)
  z = np.full(model.latents_shape(1), 0.3, np.float32)
  asked = [np.ones((1, 1, 1))] * 2, [np.full((1, 1, 7), 0.5, np.float32)] * 2
  return np.asarray(apply(model, params, z, *asked, method='render')[1])


@pytest.mark.parametrize('sizes', [(8, 16), (8, 24)])
def test_what_is_the_same_in_every_cell_is_felt_alike_on_another_grid(sizes, tmp_path):
  run, folder = _saved(tmp_path / 'model', image_size=sizes[0], pooling='anchored')
  config = tiny_config(image_size=sizes[1], pooling='anchored', start_from=folder)
  model, params = make_model(config), carried_params(config, run)
  assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, parameter_shapes(model))
  before, after = _felt(run.model, run.params), _felt(model, params)
  np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
  assert np.std(before) > 1e-3


def test_grids_are_interpolated_and_everything_else_is_kept(tmp_path):
  run, folder = _saved(tmp_path / 'model', image_size=8, pooling='anchored')
  config = tiny_config(image_size=16, pooling='anchored', start_from=folder)
  carried = carried_params(config, model_to_start_from(config))
  for name, cells in (('initial_rgb', (4, 4, 8)), ('anchor', (2, 4, 4, 2))):
    expected = jax.image.resize(run.params[name], cells, 'linear')
    np.testing.assert_allclose(carried[name], expected, rtol=1e-6)
  assert not np.allclose(carried['initial_rgb'], 0)
  kept = [
    np.array_equal(a, b)
    for a, b in zip(jax.tree.leaves(run.params), jax.tree.leaves(carried), strict=True)
    if a.shape == b.shape
  ]
  assert len(kept) > 40 and all(kept)


@pytest.mark.long
def test_training_begins_with_the_model_and_resumes_without_its_folder(tmp_path, capsys):
  run, folder = _saved(tmp_path / 'model')
  config, dataset = tiny_config(start_from=folder, steps=2), random_dataset()
  begun = prepare(config, dataset).start().params
  jax.tree.map(np.testing.assert_array_equal, begun, run.params)
  train(config, dataset, tmp_path / 'run')
  assert f'begins with the model in {folder}, after step {run.step}\n' in capsys.readouterr().err
  larger = prepare(config.replace(image_size=16), dataset).start().params
  assert larger['initial_rgb'].shape == (4, 4, 8)
  shutil.rmtree(folder)
  check_start(config, tmp_path / 'run')
  state = train(config.replace(steps=4), dataset, tmp_path / 'run')
  assert int(state.step) == 4
  assert load_run(tmp_path / 'run').config.start_from == folder
  with pytest.raises(UserError, match='start_from'):
    train(config.replace(start_from='', steps=6), dataset, tmp_path / 'run')


@pytest.mark.parametrize(
  ('saved', 'fields', 'sentence'),
  [
    ({}, {'width': 4}, 'width is 4, but 2 in .*; give --config.width=2'),
    ({}, {'pooling': 'anchored'}, "pooling is 'anchored', but 'product' in"),
    ({}, {'modalities': 'm5'}, "modalities is 'm5', but 'm2' in"),
    ({}, {'renderer': 'volume'}, "renderer is 'volume', but 'paper' in"),
    ({}, {'image_size': 4}, 'image_size is 4, but 8 in .*no larger'),
    (
      {'renderer': 'volume'},
      {'renderer': 'volume', 'image_size': 16},
      'layers than one of 16 pixe',
    ),
    (None, {}, 'where there is no run and no saved model; give the folder of one'),
  ],
)
def test_what_training_cannot_begin_with_is_refused_before_it_begins(
  saved, fields, sentence, tmp_path
):
  folder = str(tmp_path / 'none') if saved is None else _saved(tmp_path / 'model', **saved)[1]
  with pytest.raises(UserError, match=sentence) as refused:
    check_start(tiny_config(start_from=folder, **fields), tmp_path / 'run')
  assert '\n' not in str(refused.value)
