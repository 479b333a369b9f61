"""A belief is the functional interface, kept: the same numbers, whatever was seen and is asked."""

import logging
import math

import jax
import numpy as np
import pytest

from gmn_jax import inference
from gmn_jax.model import Noise
from gmn_jax.models import Model
from gmn_jax.models.belief import Belief
from gmn_jax.senses import cut_scenes
from gmn_jax.training.run import Run
from mese_env.errors import UserError
from tests import tiny, tiny_run

pytestmark = pytest.mark.long

MODELS = {
  'apoe': {},
  'poe of prior': {'variant': 'poe', 'absent': 'prior', 'modalities': 'm5', 'image_size': 16},
  'hierarchical': {'variant': 'baseline', 'hierarchical': True},
  'anchored': {'pooling': 'anchored', 'informed': True},
}
SCENE = tiny_run.random_scene(0)
CAMERAS, HANDS = SCENE['cameras'], SCENE['hands']
LOOKS, GRASPS, SAMPLES, SEED = 2, 3, 3, 5
SAMPLE_PRIOR = jax.jit(inference.sample_prior, static_argnums=0)


def _model(**fields):
  return Model(tiny_run.random_run(**fields))


def _seen(model, looks=LOOKS, grasps=GRASPS):
  belief = model.belief()
  for i in range(looks):
    belief = belief.look(SCENE['images'][i], CAMERAS[i])
  for i in range(grasps):
    belief = belief.touch(SCENE['haptics'][i], HANDS[i])
  return belief


def _context(run, looks=LOOKS, grasps=GRASPS):
  """The same views as `inference` takes them: of K scenes all alike."""
  scenes = {name: np.stack([x] * SAMPLES) for name, x in SCENE.items() if name != 'index'}
  views = cut_scenes(run.model.modalities, scenes, run.ranges)
  counts = [grasps if m.sense.name == 'haptic' else looks for m in run.model.modalities]
  mask_MV = np.arange(tiny_run.VIEWS) < np.array(counts)[:, None]
  return views, np.stack([mask_MV] * SAMPLES)


def _close(found, expected):
  np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize('fields', MODELS.values(), ids=MODELS)
def test_what_is_imagined_and_felt_is_what_inference_generates(fields):
  model = _model(**fields)
  run, belief = model.run, _seen(model)
  views, mask = _context(run)
  draw = SAMPLE_PRIOR(run.model, run.params, views, mask, jax.random.key(SEED))
  means = jax.jit(inference.render, static_argnums=0)(run.model, run.params, draw.z, views.queries)
  felt = belief.feel(HANDS, SAMPLES, SEED)
  _close(felt, run.ranges['haptic'].low + (means[-1] + 1) * run.ranges['haptic'].half_span)
  imagined = belief.imagine(CAMERAS, SAMPLES, SEED)
  assert imagined.shape == (SAMPLES, tiny_run.VIEWS, *[run.config.image_size] * 2, 3)
  for i, modality in enumerate(run.model.modalities[:-1]):
    _close(modality.cut(imagined), means[i])
  per_latent = 0.5 * np.log(2 * np.pi * np.e) + 0.5 * np.asarray(draw.prior.logvar)
  _close(belief.uncertainty(SAMPLES, SEED), per_latent.sum(axis=(1, 2, 3, 4)).mean())
  flat = np.concatenate([np.reshape(m, (*m.shape[:2], -1)) for m in means[:-1]], axis=-1)
  scores = belief.information('image', CAMERAS, SAMPLES, SEED)
  for found, of in zip(scores, flat.swapaxes(0, 1), strict=True):
    centred = (of - of.mean(axis=0)) / run.config.std
    _close(found, 0.5 * np.linalg.slogdet(np.eye(SAMPLES) + centred @ centred.T / SAMPLES)[1])


def test_a_belief_never_changes_and_the_order_of_views_does_not_matter():
  nothing = _model().belief()
  before = nothing.imagine(CAMERAS[0])
  one = nothing.look(SCENE['images'][0], CAMERAS[0])
  both = one.touch(SCENE['haptics'][1], HANDS[1])
  other = nothing.touch(SCENE['haptics'][1], HANDS[1]).look(SCENE['images'][0], CAMERAS[0])
  np.testing.assert_array_equal(nothing.imagine(CAMERAS[0]), before)
  _close(both.imagine(CAMERAS[0]), other.imagine(CAMERAS[0]))
  assert not np.allclose(one.imagine(CAMERAS[0]), before)
  assert not np.allclose(one.imagine(CAMERAS[0], seed=1), one.imagine(CAMERAS[0]))
  _close(both.imagine(CAMERAS)[:, 0], both.imagine(list(CAMERAS[0])))
  assert repr(nothing) == 'Belief(nothing seen)' and repr(both) == 'Belief(image: 1, haptic: 1)'


def test_images_of_bytes_of_floats_and_of_another_size_are_taken_as_in_training():
  model = _model()
  image, belief = SCENE['images'][0], model.belief()
  of_bytes = belief.look(image, CAMERAS[0]).imagine(CAMERAS[1])
  for same in (image.astype(int), image / 255, (image / 255).astype(np.float16), image.tolist()):
    found = belief.look(same, CAMERAS[0]).imagine(CAMERAS[1])
    np.testing.assert_allclose(found, of_bytes, rtol=1e-2, atol=1e-2)
  larger = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
  scene = SCENE | {'images': np.stack([larger] * tiny_run.VIEWS)}
  (cut, _), _ = cut_scenes(
    model.run.model.modalities, {name: x[None] for name, x in scene.items()}, model.run.ranges
  )
  _close(
    belief.look(larger, CAMERAS[0]).imagine(CAMERAS[1]),
    belief.look(np.asarray(cut[0, 0]), CAMERAS[0]).imagine(CAMERAS[1]),
  )
  # What is imagined can be looked at.
  belief.look(np.clip(belief.imagine(CAMERAS[0])[0], 0, 1), CAMERAS[0])


def test_views_and_queries_of_any_number_are_compiled_once(caplog):
  def use(belief, views):
    for i in range(views):
      belief = belief.look(SCENE['images'][i], CAMERAS[i]).touch(SCENE['haptics'][i], HANDS[i])
      belief.imagine(CAMERAS[i]), belief.feel(HANDS[i]), belief.uncertainty()
      belief.precision_share(), belief.next_look(samples=8)
      belief.next_grasp(samples=8), belief.information('image', CAMERAS[:views], samples=8)
    belief.imagine(CAMERAS[: 1 + views])

  model = _model()
  use(model.belief(), 1)
  with jax.log_compiles(), caplog.at_level(logging.WARNING):
    use(_model().belief(), 3)
  assert not [message for message in caplog.messages if message.startswith('Compiling')]


@pytest.mark.parametrize(
  ('fields', 'looks', 'grasps', 'names'),
  [
    ({}, 1, 0, ['rgb']),
    ({}, 2, 1, ['rgb', 'haptic']),
    ({}, 0, 0, ['prior']),
    ({'variant': 'poe', 'absent': 'prior'}, 0, 2, ['haptic', 'prior']),
  ],
  ids=['a look', 'both', 'nothing', 'experts of the absent'],
)
def test_shares_are_of_the_experts_that_multiply(fields, looks, grasps, names):
  model = _model(**fields)
  shares = _seen(model, looks, grasps).precision_share()
  assert list(shares) == names and math.isclose(sum(shares.values()), 1, rel_tol=1e-6)
  if len(names) > 1:
    views, mask = _context(model.run, looks, grasps)
    silent = Noise(np.zeros(model.run.model.latents_shape(SAMPLES), np.float32))
    draw = SAMPLE_PRIOR(model.run.model, model.run.params, views, mask, silent)
    precision_TEhwZ = np.exp(-np.asarray(draw.prior_experts.logvar[0], np.float64))
    expected = (precision_TEhwZ / precision_TEhwZ.sum(axis=1, keepdims=True))[:, -1].mean()
    assert math.isclose(shares['haptic'], expected, rel_tol=1e-4)


def test_a_model_of_one_expert_has_no_shares():
  with pytest.raises(UserError, match="'baseline' with .* multiplies no expert for each modality"):
    _seen(_model(variant='baseline')).precision_share()


@pytest.mark.parametrize(
  ('name', 'choose', 'poses', 'distance'),
  [('image', Belief.next_look, CAMERAS, 1), ('haptic', Belief.next_grasp, HANDS, 0.1772)],
  ids=['look', 'grasp'],
)
def test_the_next_view_is_where_samples_disagree_most(name, choose, poses, distance):
  belief = _seen(_model())
  scores = belief.information(name, poses, samples=8)
  assert (scores > 0).all() and len(set(scores)) == len(scores)
  np.testing.assert_array_equal(choose(belief, poses, 8), poses[scores.argmax()])
  # Of 40 around the object, in the environment's distance.
  pose = choose(belief, samples=8)
  assert math.isclose(np.linalg.norm(pose[:3]), distance, rel_tol=1e-3)
  # However many they are.
  many = np.concatenate([poses] * 11)
  _close(belief.information(name, many, samples=8), np.tile(scores, 11))


def test_the_dearer_sense_is_chosen_only_where_it_tells_more_for_its_price():
  belief = _seen(_model())
  free = {name: belief.next_view({name: 1})[1] for name in ('image', 'haptic')}
  for dear, cheap in (('image', 'haptic'), ('haptic', 'image')):
    name, pose = belief.next_view({dear: 1e6, cheap: 1e-6})
    assert name == cheap
    np.testing.assert_array_equal(pose, free[cheap])


def test_a_model_of_other_parts_senses_what_they_look_at():
  run = tiny_run.random_run(haptic_channels=132)
  network = tiny.make_model('apoe')  # Two windows, one of them green, and five sensors.
  params = jax.tree.map(np.float32, tiny.draw_params(network))
  belief = Model(Run(run.config, network, params, run.ranges, 0)).belief()
  one = belief.look(SCENE['images'][0], CAMERAS[0])
  parts = belief.add('left', SCENE['images'][0], CAMERAS[0])
  parts = parts.add('right', SCENE['images'][0], CAMERAS[0])
  imagined = one.imagine(CAMERAS[1])
  _close(imagined, parts.imagine(CAMERAS[1]))
  assert np.isnan(imagined[..., 4:, [0, 2]]).all() and np.isfinite(imagined[..., 4:, 1]).all()
  felt = one.feel(HANDS[0])
  assert felt.shape == (8, 132) and np.isfinite(felt[:, :5]).all() and np.isnan(felt[:, 5:]).all()
  assert one.predict('touch', HANDS[0]).shape == (8, 5)


def test_a_model_that_does_not_look_says_what_it_senses():
  network = tiny.make_model('apoe', tiny.MODALITIES[:1])
  run = tiny_run.random_run()._replace(model=network, params=tiny.draw_params(network), ranges={})
  belief = Model(run).belief().look(SCENE['images'][0], CAMERAS[0])
  for ask in (belief.feel, lambda pose: belief.touch(SCENE['haptics'][0], pose)):
    with pytest.raises(UserError, match="no sense or modality 'haptic'; use one of image, left"):
      ask(HANDS[0])


IMAGE, READING = SCENE['images'][0], SCENE['haptics'][0]
CAMERA = CAMERAS[0]
WRONG = {
  'image first': (lambda b: b.look(IMAGE.transpose(2, 0, 1), CAMERA), r'\(side, side, 3\)'),
  'not square': (lambda b: b.look(IMAGE[:4], CAMERA), r'shape \(4, 8, 3\)'),
  'with alpha': (lambda b: b.look(np.zeros((8, 8, 4)), CAMERA), r'\(side, side, 3\)'),
  'gray': (lambda b: b.look(np.zeros((8, 8)), CAMERA), r'\(side, side, 3\)'),
  'several': (lambda b: b.look(SCENE['images'], CAMERAS), 'one square view'),
  'bytes as floats': (lambda b: b.look(IMAGE.astype(float), CAMERA), r'floats in \[0, 1\]'),
  'large numbers': (lambda b: b.look(IMAGE.astype(int) * 300, CAMERA), r'in \[0, 255\]'),
  'not finite': (lambda b: b.look(np.full((8, 8, 3), np.nan), CAMERA), 'not finite'),
  'no numbers': (lambda b: b.look('picture.png', CAMERA), 'give an array of numbers'),
  'no array': (lambda b: b.look([[1, 2], [3]], CAMERA), 'not an array'),
  'embedded': (lambda b: b.look(IMAGE, np.zeros(7)), r'give \(x, y, z, pitch, yaw\)'),
  'two poses': (lambda b: b.look(IMAGE, CAMERAS[:2]), 'one view and its pose'),
  'degrees': (lambda b: b.imagine([0, 0, 1, 0, 270]), 'is 270; give radians'),
  'millimetres': (lambda b: b.imagine([0, 2000, 0, 0, 1]), 'give metres'),
  'no pose': (lambda b: b.imagine(np.zeros((0, 5))), r'shape \(0, 5\)'),
  'a short reading': (lambda b: b.touch(READING[:7], HANDS[0]), r'one view, \(132,\)'),
  'another unit': (lambda b: b.touch(1000 * READING, HANDS[0]), 'unit of the training data'),
  'no samples': (lambda b: b.imagine(CAMERA, samples=0), 'samples is 0'),
  'half a sample': (lambda b: b.uncertainty(samples=1.5), 'samples is 1.5'),
  'a seed too large': (lambda b: b.feel(HANDS[0], seed=2**31), 'seed is 2147483648'),
  'one sample': (lambda b: b.next_look(samples=1), 'a whole number of at least 2'),
  'a typo of a price': (lambda b: b.next_view({'imag': 1}), "did you mean 'image'"),
  'no price': (lambda b: b.next_view({}), 'no price is given'),
  'a price of nothing': (lambda b: b.next_view({'image': 0}), 'a number above 0'),
  'a typo': (lambda b: b.add('hapic', READING, HANDS[0]), "did you mean 'haptic'"),
}


@pytest.fixture(scope='module')
def belief():
  return _model().belief()


@pytest.mark.parametrize(('use', 'said'), WRONG.values(), ids=WRONG)
def test_what_cannot_be_a_view_or_a_pose_is_one_sentence(belief, use, said):
  with pytest.raises(UserError, match=said) as refused:
    use(belief)
  assert '\n' not in str(refused.value)
