"""Silhouettes and the naming of shapes: who imagines the truth is right, and nobody else is."""

import json

import numpy as np
import pytest

from experiments.evaluation import silhouettes, unseen
from experiments.modes import shapes as mode
from gmn_jax.senses import IMAGE, cut_scenes
from gmn_jax.senses.sets import modality_set
from mese_env import SceneConfig, generate_scene, shapes
from mese_env.errors import UserError
from tests import tiny_run
from tfds_mese.dataset import Dataset

SIZE = 16
RING = unseen.camera_ring(4, 30.0)
SCENE = SceneConfig(image_size=SIZE, num_looks=3, num_grasps=3)


def looks_of(name: str, image_size: int = SIZE):
  return [m for m in modality_set(name, image_size) if m.sense == IMAGE]


def cut(modalities, images):
  """Of images (Q, H, W, 3) what each modality sees."""
  raw = {'images': images[None], 'cameras': np.zeros((1, len(images), 5), np.float32)}
  return [np.asarray(x[0]) for x in cut_scenes(modalities, raw, {}).senses]


@pytest.fixture(scope='module')
def gallery():
  return silhouettes.make_gallery(looks_of('m2'), 5, RING, SIZE)


@pytest.fixture(scope='module')
def scenes():
  return [generate_scene(SCENE, 0, i) for i in range(12)]


@pytest.fixture(scope='module')
def dataset(scenes):
  return {'own': Dataset({'train': scenes, 'test': scenes}, {}, {})}


def test_two_squares_overlap_by_what_they_share_over_what_they_cover():
  one, other = np.zeros((2, 1, 8, 8), bool)
  one[0, 0:4, 0:4], other[0, 2:6, 0:4] = True, True
  assert silhouettes.overlap(one, other) == pytest.approx([8 / 24])
  assert silhouettes.overlap(one, one) == 1
  assert silhouettes.overlap(one, ~one) == 0
  assert silhouettes.overlap(one & ~one, one & ~one) == 1


@pytest.mark.parametrize('name', ['m2', 'm5', 'm8', 'm14'])
def test_a_silhouette_is_put_together_from_parts_and_colours(name):
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (3, 64, 64, 3), np.uint8)
  images[:, 20:40] = 0
  modalities = looks_of(name, 64)
  side = modalities[0].cut.canvas
  found = silhouettes.silhouettes(modalities, cut(modalities, images))
  assert found.shape == (3, side, side)
  whole = np.zeros((3, side, side, 3))
  for modality, sense in zip(modalities, cut(modalities, images), strict=True):
    c = modality.cut
    whole[:, slice(*c.rows), slice(*c.columns), list(c.channels)] = sense
  np.testing.assert_array_equal(found, whole.max(axis=-1) > silhouettes.BRIGHT)
  assert 0.1 < found.mean() < 0.9


@pytest.mark.long
def test_true_views_name_every_shape_in_any_orientation_and_colour(gallery):
  rng, modalities = np.random.default_rng(0), looks_of('m2')
  cells, shape = shapes.every_cell_set(5)
  for wanted in range(18):
    turned = rng.choice(np.flatnonzero(shape == wanted))
    positions = shapes.centred_positions(cells[turned])
    images = unseen.look_anew(positions, shapes.sample_colours(5, rng), RING, SIZE)['images']
    seen = silhouettes.silhouettes(modalities, cut(modalities, images))
    named = [silhouettes.share_of_naming(seen, gallery, other) for other in range(18)]
    assert named == [float(other == wanted) for other in range(18)]
    # The same in other colours, so that the nearest is at no distance to speak of.
    agreement = silhouettes.overlap(seen, gallery.silhouettes_CQSS[turned]).mean()
    assert agreement > 0.9


def test_what_shows_nothing_names_by_chance(gallery):
  nothing = np.zeros_like(gallery.silhouettes_CQSS[0])
  assert silhouettes.share_of_naming(nothing, gallery, 3) == pytest.approx(1 / 18)


class Oracle:
  """Imagines the truth if it is given a look, and blackness if not."""

  stop_at = None
  asked: list[int]
  scenes: list[dict]

  def __init__(self, run, queries, samples, seed, drawn):
    self._samples = samples

  def block(self, given, counts, number):
    if number == Oracle.stop_at:
      raise KeyboardInterrupt
    Oracle.asked.append(number)
    truth = []
    for s in Oracle.scenes[number * 10 : number * 10 + 10]:
      looks = unseen.look_anew(s['positions'].astype(float), s['colours'].astype(float), RING, SIZE)
      truth.append(cut(looks_of('m2'), looks['images'])[0])
    images = np.stack(truth) * bool(counts[0])
    nothing = np.zeros((len(images), 0, 132))
    return tuple(np.broadcast_to(x, (self._samples, *x.shape)) for x in (images, nothing))


@pytest.fixture
def oracle(monkeypatch, scenes):
  monkeypatch.setattr(mode, 'Imagination', Oracle)
  monkeypatch.setattr(Oracle, 'scenes', scenes, raising=False)
  monkeypatch.setattr(Oracle, 'asked', [], raising=False)
  monkeypatch.setattr(Oracle, 'stop_at', None)
  return Oracle


@pytest.mark.long
def test_a_model_that_imagines_the_truth_is_right_and_one_that_is_interrupted_goes_on(
  dataset, tmp_path, oracle, monkeypatch
):
  run = tiny_run.random_run(image_size=SIZE)
  options = mode.Options(contexts=('image:1', 'nothing'), scenes=12, samples=2, cameras=len(RING))
  monkeypatch.setattr(oracle, 'stop_at', 1)
  with pytest.raises(KeyboardInterrupt):
    mode.MODE.evaluate(run, dataset, tmp_path, options)
  assert oracle.asked == [0, 0] and not (tmp_path / 'shapes.json').exists()
  monkeypatch.setattr(oracle, 'stop_at', None)
  mode.MODE.evaluate(run, dataset, tmp_path, options)
  assert oracle.asked == [0, 0, 1, 1]
  found = json.loads((tmp_path / 'shapes.json').read_text())['results']
  assert found['possible'] == {'5': 18}
  right, blind = found['imagined']
  assert right['given'] == 'image:1' and right['overlap'] == 1 and right['named'] == 1
  assert right['overlap_low'] == 1 and 0.7 < right['named_low'] < 0.8
  assert blind['overlap'] == 0 and blind['named'] == pytest.approx(1 / 18)
  truth, other = found['without_model']
  assert truth['overlap'] == truth['named'] == 1
  assert 0 < other['overlap'] < 0.8 and other['named'] < 0.5
  headlines = mode.MODE.headlines(found)
  assert headlines['silhouettes from image:1 (IoU)'] == 1
  by_scene = mode.MODE.by_scene(found)
  assert {name: np.mean(values) for name, values in by_scene.items()} == pytest.approx(headlines)
  assert all(len(values) == 12 for values in by_scene.values())
  assert (tmp_path / 'shapes.png').exists()
  text = (tmp_path / 'shapes.txt').read_text()
  assert 'image:1' in text and '18 of 5 cubes' in text


@pytest.mark.long
def test_a_model_of_noise_is_measured(dataset, tmp_path):
  run = tiny_run.random_run(modalities='m5', image_size=SIZE)
  options = mode.Options(contexts=('left-upper:1+haptic:3',), scenes=2, samples=2, cameras=2)
  mode.MODE.evaluate(run, dataset, tmp_path, options)
  (record,) = json.loads((tmp_path / 'shapes.json').read_text())['results']['imagined']
  assert 0 <= record['overlap'] < 1 and 0 <= record['named'] <= 1


@pytest.mark.parametrize(
  ('fields', 'sentence'),
  [
    ({'scenes': 1}, '--scenes is 1; it must be at least 2'),
    ({'samples': 0}, '--samples is 0; it must be at least 1'),
    ({'cameras': 0}, '--cameras is 0; it must be at least 1'),
    ({'elevation': 91.0}, '--elevation is 91.0; it is in degrees'),
    ({'contexts': ()}, '--contexts is empty'),
  ],
)
def test_options_that_mean_nothing_are_refused(fields, sentence):
  with pytest.raises(UserError, match=sentence):
    mode.Options(**fields)


@pytest.mark.parametrize(
  ('options', 'sentence'),
  [
    ({'scenes': 13}, 'there are 12 scenes with 1 view; give --scenes=12'),
    ({'contexts': ('image:9',)}, '3 views of each sense .* give --contexts=image:3'),
    ({'contexts': ('image:1+sound:1',)}, "names 'sound', which this model does not sense"),
    ({'split': 'tst'}, "no split 'tst'"),
  ],
)
def test_more_than_there_is_to_give_is_refused(options, sentence, dataset, tmp_path):
  given = mode.Options(**({'contexts': ('image:1',), 'scenes': 2} | options))
  with pytest.raises(UserError, match=sentence):
    mode.MODE.evaluate(tiny_run.random_run(), dataset, tmp_path, given)
  assert not list(tmp_path.iterdir())


def test_objects_whose_shapes_are_not_known_cannot_be_named(tmp_path):
  with pytest.raises(UserError, match='the shapes of the objects are not known'):
    options = mode.Options(split='val', scenes=2)
    mode.MODE.evaluate(tiny_run.random_run(), {'own': tiny_run.random_dataset()}, tmp_path, options)
