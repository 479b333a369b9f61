"""Features for use elsewhere, and probes whose answers are known."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.evaluation import probe
from experiments.evaluation.contexts import context_mask
from experiments.evaluation.features import average
from experiments.evaluation.scenes import stack_scenes
from experiments.modes import represent
from gmn_jax import inference
from gmn_jax.config import make_model
from gmn_jax.senses import cut_scenes
from gmn_jax.training.checkpoint import Run
from mese_env import SceneConfig, generate_scene
from mese_env.errors import UserError
from tests import tiny, tiny_run
from tfds_mese import reading
from tfds_mese.dataset import Dataset

pytest.importorskip('sklearn')


def make_run() -> Run:
  config = tiny_run.tiny_config()
  model = make_model(config)
  params = jax.tree.map(jnp.float32, tiny.draw_params(model))
  return Run(config, model, params, tiny_run.RANGES, 0)


@pytest.fixture(scope='module')
def synthetic():
  """300 + 200 scenes with 30 features; two classes, and three numbers linear in the features but
  for noise of a tenth of their variance.
  """
  rng = np.random.default_rng(0)
  features = rng.standard_normal((500, 30)) * np.logspace(-3, 3, 30)
  unit = features / np.logspace(-3, 3, 30)
  numbers = unit[:, :3] * 3 + rng.standard_normal((500, 3)) + 7
  return features, unit[:, 0] > 0.5, numbers


def test_probes_find_what_is_linear_in_the_features_and_nothing_else(synthetic):
  features, classes, numbers = synthetic
  parts = slice(0, 300), slice(300, 500)
  train, test = (features[part] for part in parts)
  told = probe.accuracy(train, classes[parts[0]], test, classes[parts[1]])
  chance = probe.chance_accuracy(classes[parts[0]], classes[parts[1]])
  assert chance.mean == pytest.approx(np.mean(~classes[parts[1]]))
  assert told.mean > 0.85 > chance.mean + 0.1
  wrong = 1 - told.mean
  assert told.error == pytest.approx(np.sqrt(told.mean * wrong / 199))
  explained = probe.explained(train, numbers[parts[0]], test, numbers[parts[1]])
  assert abs(explained.mean - 0.9) < 0.03
  # Features of other scenes tell nothing.
  shuffled = np.random.default_rng(1).permutation(features)
  train, test = (shuffled[part] for part in parts)
  assert probe.accuracy(train, classes[parts[0]], test, classes[parts[1]]).mean < chance.mean + 0.05
  assert abs(probe.explained(train, numbers[parts[0]], test, numbers[parts[1]]).mean) < 0.1


def test_raw_features_average_what_is_given_and_only_that():
  model = tiny.make_model('apoe')
  views = tiny.draw_views(model)
  got = average(model, None, views, context_mask((2, 0, 1), 2, 4))
  expected = [
    views.senses[0][:, :2].reshape(2, 2, -1).mean(axis=1), views.queries[0][:, :2].mean(axis=1),
    np.zeros((2, 5)), np.zeros((2, 7)),
    views.senses[2][:, 0].reshape(2, -1), views.queries[2][:, 0],
  ]  # fmt: skip
  np.testing.assert_allclose(got, np.concatenate(expected, axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.long
def test_the_file_holds_the_beliefs_and_labels_of_the_scenes(tmp_path, capsys):
  config = SceneConfig(image_size=8, num_looks=2, num_grasps=2)
  scenes = [generate_scene(config, 0, i) for i in range(6)]
  dataset = Dataset({'train': scenes[:4], 'test': scenes[4:]}, {}, {})
  run = make_run()
  options = represent.Options(views=2, train_scenes=4, test_scenes=2)
  represent.MODE.evaluate(run, {'own': dataset}, tmp_path, options)
  with np.load(tmp_path / 'represent.npz') as file:
    stored = dict(file)
  views = cut_scenes(
    run.model.modalities, stack_scenes(scenes[4:], run.model.modalities), run.ranges
  )
  _, means = inference.represent(run.model, run.params, views, context_mask((2, 2), 2, 2))
  np.testing.assert_allclose(stored['test_z'], means, rtol=1e-4, atol=1e-5)
  np.testing.assert_array_equal(stored['train_shape_id'], [s['shape_id'] for s in scenes[:4]])
  np.testing.assert_allclose(stored['test_mean_colour'][0], scenes[4]['colours'].mean(axis=0))
  record = json.loads((tmp_path / 'represent.json').read_text())['results']
  assert 'number of parts' not in record  # All have five: there is nothing to tell.
  assert set(record['mean colour']) == {
    'chance',
    *(f'{x}, {of}' for x in ('z', 'raw') for of in ('images', 'haptics', 'images and haptics')),
  }
  assert 'mean colour (R²)' in capsys.readouterr().out


@pytest.mark.long
def test_datasets_are_taken_in_turn_so_that_the_number_of_parts_can_be_told(tmp_path, monkeypatch):
  def open_dataset(name, data_dir, fields):
    parts = {'four': 4, 'six': 6}[name]
    config = SceneConfig(image_size=8, num_looks=1, num_grasps=1, num_parts=parts)
    scenes = [generate_scene(config, 0, i) for i in range(2)]
    return Dataset({'train': scenes, 'test': scenes}, {}, {})

  monkeypatch.setattr(reading, 'open_dataset', open_dataset)
  options = represent.Options(views=1, train_scenes=4, test_scenes=3, datasets=('four', 'six'))
  represent.MODE.carry_out(make_run(), tmp_path, options, build=False)
  record = json.loads((tmp_path / 'represent.json').read_text())
  assert record['dataset'] == ['four', 'six']
  assert record['results']['number of parts']['chance']['mean'] == pytest.approx(2 / 3)
  with np.load(tmp_path / 'represent.npz') as file:
    np.testing.assert_array_equal(file['train_num_parts'], [4, 6, 4, 6])
    np.testing.assert_array_equal(file['test_num_parts'], [4, 6, 4])


@pytest.mark.long
def test_scenes_of_which_nothing_is_known_are_refused(tmp_path):
  options = represent.Options(views=2, train_scenes=2, test_scenes=2, split='val')
  with pytest.raises(UserError, match='nothing is known of the objects'):
    represent.MODE.evaluate(make_run(), {'tiny': tiny_run.random_dataset()}, tmp_path, options)
  assert not list(tmp_path.iterdir())
