"""Generation from contexts: what is given decides, what is not given does not, truths are true."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from experiments.evaluation import baselines, contexts, unseen
from experiments.evaluation.imagining import Imagination, only, squared_errors
from experiments.evaluation.scenes import stack_scenes
from experiments.figures import canvas
from experiments.figures import hand as hand_pictures
from experiments.modes import generate
from gmn_jax.config import make_model
from gmn_jax.senses import IMAGE, cut_scenes
from gmn_jax.senses.sets import modality_set
from gmn_jax.training.checkpoint import Run
from mese_env import SceneConfig, generate_scene, poses
from mese_env.errors import UserError
from tests import tiny, tiny_run
from tfds_mese.dataset import Dataset

SCENE = SceneConfig(image_size=8, num_looks=3, num_grasps=3)
M5 = modality_set('m5', 16)


@pytest.fixture(scope='module')
def scenes():
  return [generate_scene(SCENE, 0, i) for i in range(3)]


def make_run(**fields) -> Run:
  config = tiny_run.tiny_config(**fields)
  model = make_model(config)
  params = jax.tree.map(np.float32, tiny.draw_params(model))
  return Run(config, model, params, tiny_run.RANGES, 0)


@pytest.mark.parametrize(
  ('terms', 'sentence'),
  [
    (['left-uper:1'], "'left-uper', .* did you mean 'left-upper'"),
    (['haptic'], "'haptic' is not a name and a count"),
    (['haptic:-1'], "'haptic:-1' is not a name and a count"),
    (['haptic:16'], "'haptic:16' asks for 16 views, but a scene has 15"),
    (['image:1', 'left-upper:2'], "names 'left-upper' twice"),
  ],
)
def test_what_is_wrong_with_a_context_is_named(terms, sentence):
  with pytest.raises(UserError, match=sentence) as error:
    contexts.parse_context(terms, M5, 15)
  assert '\n' not in str(error.value)


def test_names_of_contexts_are_those_of_modalities_and_kinds():
  assert contexts.parse_context(['image:2', 'haptic:15'], M5, 15) == (2, 2, 2, 2, 15)
  assert contexts.parse_context(['right-lower:1'], M5, 15) == (0, 0, 0, 1, 0)
  assert contexts.parse_context(['nothing'], M5, 15) == (0,) * 5
  for words in ('image:2,haptic:15', 'left-upper:3', 'nothing'):
    counts = contexts.parse_context(words.split(','), M5, 15)
    assert contexts.describe(counts, M5) == words
  assert contexts.parse_target(['haptic', 'image'], M5) == (0, 1, 2, 3, 4)


def test_parts_of_an_image_come_together_again():
  image = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
  parts = [m.cut(image) if m.sense is IMAGE else None for m in M5]
  np.testing.assert_array_equal(canvas.compose(M5, parts), image)
  names = [m.name for m in M5]
  parts[names.index('right-upper')] = None
  blank = canvas.compose(M5, parts)
  np.testing.assert_array_equal(blank[:, :8, 8:], np.float32(canvas.BLANK))
  np.testing.assert_array_equal(blank[:, 8:], image[:, 8:])


def test_an_object_seen_anew_from_a_camera_of_its_scene_looks_as_it_did(scenes):
  scene = scenes[0]
  cameras = [poses.camera_pose(float(q[3]), float(q[4])) for q in scene['cameras']]
  anew = unseen.sense_anew(scene, cameras, grasps=2, seed=0)
  # Positions are stored in float32, which may move an edge across a sample.
  assert np.abs(np.int32(anew['images']) - scene['images']).mean() < 0.5
  assert scene['images'].max() > 100
  np.testing.assert_allclose(anew['cameras'], scene['cameras'], atol=1e-6)
  assert np.abs(anew['hands'][0] - scene['hands']).max(axis=1).min() > 0.01
  assert all(camera.position[2] > 0.4 for camera in unseen.camera_ring(5, 30.0))


@pytest.mark.long
def test_what_is_imagined_depends_on_the_views_given_and_on_no_others():
  model = tiny.make_model('apoe')
  run = Run(None, model, tiny.draw_params(model), None, 0)
  views, other = tiny.draw_views(model, seed=0), tiny.draw_views(model, seed=1)
  imagination = Imagination(run, other.queries, samples=2, seed=3, drawn=1)
  counts = (2, 0, 1)

  expected = imagination(views, counts)
  for m in range(3):
    for v in range(4):
      changed = jax.tree.map(np.copy, views)
      for part, part_of_other in zip(changed, other, strict=True):
        part[m][:, v] = part_of_other[m][:, v]
      same = all(
        np.array_equal(a, b)
        for a, b in zip(imagination(changed, counts).mean, expected.mean, strict=True)
      )
      assert same == (v >= counts[m]), (m, v)
  for mean, drawn in zip(expected.mean, expected.drawn, strict=True):
    assert drawn.shape == (2, 1, *mean.shape[1:])
    np.testing.assert_allclose(drawn.mean(axis=0), mean[:1], rtol=1e-5, atol=1e-6)
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_errors_are_means_over_the_numbers_of_a_kind_that_are_asked_for():
  views = tiny.draw_views(tiny.make_model('apoe'))
  truth = only([0, 1], views).senses
  off = [np.asarray(truth[0]) + 2, np.asarray(truth[1]) - 3, truth[2]]
  errors = squared_errors(tiny.MODALITIES, off, truth)
  np.testing.assert_allclose(errors['image'], [4, 4], rtol=1e-5)
  np.testing.assert_allclose(errors['haptic'], [9, 9], rtol=1e-5)


@pytest.mark.long
def test_predictors_without_a_model_are_the_mean_and_the_nearest_training_view(scenes):
  run = make_run()
  views = cut_scenes(run.model.modalities, stack_scenes(scenes, run.model.modalities), run.ranges)
  queries = tuple(at[1:2, 2:] for at in views.queries)
  predicted = baselines.predict(run, scenes, queries)
  for sense, mean, nearest in zip(views.senses, *predicted, strict=True):
    np.testing.assert_allclose(mean, np.mean(sense, axis=(0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(nearest, sense[1:2, 2:], rtol=1e-6)


@pytest.mark.long
def test_evaluation_writes_pictures_and_numbers_for_what_is_asked(scenes, tmp_path, capsys):
  run = make_run(modalities='m5', image_size=8)
  dataset = Dataset({'train': scenes, 'test': scenes}, {}, {})
  options = generate.Options(
    context=('left-upper:1', 'haptic:3'), growing=(0, 3), scenes=2, objects=1,
    samples=2, cameras=2, grasps=1, frames=3,
  )  # fmt: skip
  generate.MODE.evaluate(run, {'own': dataset}, tmp_path, options)
  record = json.loads((tmp_path / 'generate.json').read_text())
  found = record['results']
  assert found['context'] == {
    'left-upper': 1, 'left-lower': 0, 'right-upper': 0, 'right-lower': 0, 'haptic': 3,
  }  # fmt: skip
  for errors in found['squared_error'].values():
    assert errors['image'][0] > 0 and errors['haptic'][0] > 0
  by_scene = generate.MODE.by_scene(found)
  assert by_scene and all(len(scenes) == 2 for scenes in by_scene.values())
  means = generate.MODE.headlines(found)
  assert {name: means[name] for name in by_scene} == {
    name: pytest.approx(np.mean(scenes)) for name, scenes in by_scene.items()
  }
  grown = found['squared_error_growing']
  assert grown['images']['0'] == grown['haptics']['0'] != grown['images']['3']
  assert 'left-upper:1,haptic:3' in capsys.readouterr().out
  # The hand is drawn where OpenGL is.
  written = {path.name for path in tmp_path.iterdir()} - {'generate-hand.png'}
  assert written == {
    'generate.json', 'generate.txt', 'generate.png', 'generate-growing.png', 'generate-errors.png',
    'generate-haptic.png', 'generate-orbit.gif',
  }  # fmt: skip
  with Image.open(tmp_path / 'generate-orbit.gif') as film:
    assert film.n_frames == 3


def test_a_hand_of_which_joints_are_not_sensed_is_not_drawn(scenes):
  but_one = np.arange(1, 132)
  with pytest.raises(UserError, match='all of its joints are sensed'):
    hand_pictures.draw(
      scenes[0], np.zeros((3, 131)), np.zeros((1, 3, 131)), but_one, tiny_run.RANGES, ''
    )


@pytest.mark.parametrize(
  ('options', 'sentence'),
  [
    ({'scenes': 4}, 'there are 3 scenes with 4 views; give --scenes=3'),
    ({'split': 'tst', 'scenes': 1}, "no split 'tst'"),
    ({'scenes': 1, 'growing': (0, 5)}, '2 views of each sense are there .* give --growing=0,2'),
    (
      {'scenes': 1, 'context': ('rgb:3',)},
      '2 views of each sense .* give --context=rgb:2',
    ),
    (
      {'scenes': 1, 'cameras': 9},
      'a scene has 4 views, and its object .* give --cameras=2',
    ),
  ],
)
def test_more_than_there_is_to_give_is_refused(options, sentence, tmp_path):
  # Objects that are not known: what is asked for has to be kept from the contexts.
  defaults = {'split': 'val', 'context': ('rgb:1',), 'growing': (0,), 'cameras': 2, 'grasps': 2}
  with pytest.raises(UserError, match=sentence):
    generate.MODE.evaluate(
      make_run(),
      {'tiny': tiny_run.random_dataset()},
      tmp_path,
      generate.Options(**(defaults | options)),
    )
  assert not list(tmp_path.iterdir())
