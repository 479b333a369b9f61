"""The volume: its rays are the simulator's, what they see follows from a closed form, it learns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.config import make_model
from gmn_jax.model import GMN, parameter_shapes
from gmn_jax.senses import IMAGE, ImageCut, Modality, embed_query
from gmn_jax.senses.marching import Volume, march, pack
from gmn_jax.senses.rays import camera_axes, rays_of
from gmn_jax.senses.rendering import VOLUME
from gmn_jax.senses.sets import modality_set
from gmn_jax.senses.volume import RADIUS, VolumeRenderer
from gmn_jax.training.prepare import prepare
from mese_env import SceneConfig, generate_scene, poses, shapes
from mese_env.errors import UserError
from tests.tiny_run import RANGES, random_batch, random_dataset, tiny_config, tiny_step

# From the front, from above and aslant.
ANGLES = ((0, 0), (-1.2, 2), (0.6, 4), (0.4, 0.7))
WHOLE = ImageCut(32, (0, 32), (0, 32))


def _queries(angles=ANGLES):
  return embed_query(np.array([poses.query(poses.camera_pose(*a)) for a in angles]))


def _corners(side):
  """Where a volume's corners are, metres, (G, G, G, 3)."""
  axis = np.linspace(-RADIUS, RADIUS, side)
  return np.stack(np.meshgrid(axis, axis, axis, indexing='ij'), axis=-1)


def _volume(density, light=0.0, colour=1.0) -> Volume:
  """One volume, of one scene."""
  shape = (1, *density.shape)
  light = jnp.broadcast_to(jnp.asarray(light), (*shape, 3))
  colour = jnp.broadcast_to(jnp.asarray(colour), (*shape, 3))
  volume = pack(jnp.asarray(density)[None], light, colour, RADIUS)
  return volume._replace(rows=volume.rows[None])


def _seen(volume, rays, angles=ANGLES):
  """What each camera's rays see, (V, R, 3)."""
  which = jnp.zeros((1, len(angles)), int)
  return np.asarray(march(volume, camera_axes(_queries(angles)[None]), which, rays))[0]


def _ends(rays, angle):
  """A ray's first sample and its direction, in the world, (R, 3) each."""
  points = np.moveaxis(np.float64(rays.points_3KR), 0, -1) @ np.asarray(
    camera_axes(_queries((angle,)))[0]
  )
  direction = points[-1] - points[0]
  return points[0], direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def _cube_chord(rays, angle, half, centre=(0, 0, 0)):
  """How far each ray goes through a cube."""
  start, direction = _ends(rays, angle)
  sides = [(np.array(centre) + sign * half - start) / direction for sign in (-1, 1)]
  return np.maximum(np.maximum(*sides).min(-1) - np.minimum(*sides).max(-1), 0)


def _ball_chord(rays, angle, radius):
  start, direction = _ends(rays, angle)
  nearest = start - (start * direction).sum(-1, keepdims=True) * direction
  return 2 * np.sqrt(np.maximum(radius**2 - (nearest**2).sum(-1), 0))


@pytest.mark.parametrize('samples', [6, 12])
def test_fog_that_fills_the_ball_lets_through_what_beer_s_law_says(samples):
  rays = rays_of(WHOLE, RADIUS, samples)
  seen = _seen(_volume(np.full((8, 8, 8), 7.0, np.float32)), rays)
  for image, angle in zip(seen, ANGLES, strict=True):
    chord = _ball_chord(rays, angle, RADIUS)
    np.testing.assert_allclose(image, np.repeat(1 - np.exp(-7 * chord)[:, None], 3, 1), atol=2e-5)


def test_a_box_and_a_ball_of_fog_hide_what_their_chords_say():
  # Fine samples, so that what is left is the grid's.
  side, rays = 32, rays_of(WHOLE, RADIUS, 96)
  corners, cell, density = _corners(side), 2 * RADIUS / (side - 1), 30.0
  # Beyond the outermost corners the density falls to zero within a cell: as half a cell more.
  box = np.abs(corners).max(-1) < 8 * cell
  ball = np.clip((0.07 - np.linalg.norm(corners, axis=-1)) / cell + 0.5, 0, 1)
  for solid, size, chord in ((box, 8 * cell, _cube_chord), (ball, 0.07, _ball_chord)):
    seen = _seen(_volume(np.float32(density * solid)), rays)[..., 0]
    for image, angle in zip(seen, ANGLES, strict=True):
      smaller, exact, larger = (
        1 - np.exp(-density * chord(rays, angle, size + more)) for more in (-cell, 0, cell)
      )
      assert (smaller - 0.005 < image).all() and (image < larger + 0.005).all()
      assert np.median(np.abs(image - exact)[exact > 0]) < 0.003


def test_rays_hit_the_simulator_s_cubes_in_its_pixels_and_a_volume_of_them_has_its_silhouette():
  size = 32
  scene = generate_scene(SceneConfig(image_size=size, num_looks=4, num_grasps=0), seed=3, index=1)
  angles = [poses.camera_of_query(query)[2:] for query in scene['cameras']]
  truth = scene['images'].max(-1) > 0
  # The simulator follows two rays a pixel and axis, which are those of twice the canvas.
  fine = rays_of(ImageCut(2 * size, (0, 2 * size), (0, 2 * size)), RADIUS, 2)
  coarse = rays_of(WHOLE, RADIUS, 48)
  corners = _corners(32)
  inside = [np.abs(corners - c).max(-1) < shapes.HALF_EXTENT for c in scene['positions']]
  volume = _volume(np.float32(2_000 * np.any(inside, axis=0)))
  for angle, mask, seen in zip(angles, truth, _seen(volume, coarse, angles), strict=True):
    chords = [_cube_chord(fine, angle, shapes.HALF_EXTENT, c) for c in scene['positions']]
    hit = np.zeros((2 * size) ** 2, bool)
    hit[fine.pixel_R[np.max(chords, axis=0) > 0]] = True
    assert (hit.reshape(size, 2, size, 2).any((1, 3)) == mask).mean() > 0.999
    chords = [_cube_chord(coarse, angle, shapes.HALF_EXTENT, c) for c in scene['positions']]
    hit, drawn = np.max(chords, axis=0) > 0, seen[:, 0] > 0.5
    assert (drawn & hit).sum() > 0.85 * (drawn | hit).sum()


def test_light_follows_the_direction_of_the_look_and_never_takes_more_than_all():
  rays = rays_of(ImageCut(8, (3, 5), (3, 5)), RADIUS, 8)
  volume = _volume(np.full((8, 8, 8), 1e4, np.float32), light=(0.5, 0, -2.0), colour=(0.2, 0.4, 1))
  seen = _seen(volume, rays, ((0, 0), (np.pi / 2, 0), (-np.pi / 2, 0), (0, np.pi)))
  for image, brightness in zip(seen, (1.5, 0, 3, 0.5), strict=True):
    np.testing.assert_allclose(image, brightness * np.array([[0.2, 0.4, 1]] * 4), atol=1e-4)


def test_gradients_are_those_of_differences(x64):
  rng, rays = np.random.default_rng(0), rays_of(ImageCut(8, (0, 8), (0, 8)), RADIUS, 6)
  inputs = [rng.uniform(5, 20, (8, 8, 8)), *rng.uniform(0.1, 0.4, (2, 8, 8, 8, 3))]
  steps = [rng.normal(size=x.shape) for x in inputs]
  weights = rng.normal(size=(len(ANGLES), len(rays.pixel_R), 3))
  which, axes = jnp.zeros((1, len(ANGLES)), int), camera_axes(_queries()[None].astype(float))

  def loss(*inputs):
    return (march(_volume(*inputs), axes, which, rays)[0] * weights).sum()

  gradients = jax.grad(loss, argnums=(0, 1, 2))(*inputs)
  for n, (gradient, step) in enumerate(zip(gradients, steps, strict=True)):
    there, back = ([*inputs[:n], inputs[n] + h * step, *inputs[n + 1 :]] for h in (1e-5, -1e-5))
    difference = (loss(*there) - loss(*back)) / 2e-5
    np.testing.assert_allclose((gradient * step).sum(), difference, rtol=1e-6)


def _image_of(modality, volume, queries, view_of=None):
  view_of = np.ones((1, *queries.shape[:2])) if view_of is None else view_of
  return VolumeRenderer(modality).apply({}, volume, jnp.asarray(view_of), queries)


@pytest.mark.parametrize(('name', 'field'), [('m5', 1.0), ('m14', 132 / 150)])
def test_what_a_modality_sees_is_its_window_of_the_whole(name, field):
  rng = np.random.default_rng(1)
  inputs = [rng.uniform(0, 40, (16,) * 3), *rng.random((2, 16, 16, 16, 3))]
  volume, queries = _volume(*(np.float32(x) for x in inputs)), _queries()[None]
  whole = Modality('whole', IMAGE, ImageCut(16, (0, 16), (0, 16), field=field), (16, 16, 3))
  image = _image_of(whole, volume, queries)
  windows = [m for m in modality_set(name, 16) if m.sense == IMAGE]
  seen = 0
  for m in windows:
    rows, columns = slice(*m.cut.rows), slice(*m.cut.columns)
    np.testing.assert_allclose(
      _image_of(m, volume, queries), image[:, :, rows, columns, m.cut.channels], atol=1e-6
    )
    seen += m.size
  assert seen == whole.size


def test_a_view_looks_into_the_volume_of_its_episode_and_is_black_without_one():
  densities = np.float32([1e4, 0])
  episodes = [_volume(np.full((8, 8, 8), d, np.float32)) for d in densities]
  both = episodes[0]._replace(rows=jnp.concatenate([e.rows for e in episodes], axis=1))
  whole = Modality('whole', IMAGE, ImageCut(8, (0, 8), (0, 8)), (8, 8, 3))
  view_of = np.array([[[1, 0, 0]], [[0, 1, 0]]])  # episode, scene, view
  image = _image_of(whole, both, _queries(ANGLES[:3])[None], view_of)
  assert np.allclose(image[0, 0, 4, 4], 1, atol=1e-3) and not image[0, 1:].any()


@pytest.mark.long
@pytest.mark.parametrize(
  'fields',
  [
    {'rays': 0},
    {'modalities': 'm5', 'rays': 0, 'dtype': 'bfloat16', 'remat': True},
    {'rays': 5},
    {'modalities': 'm5', 'rays': 8, 'accumulate': 2},
  ],
)
def test_it_trains(fields):
  config = tiny_config(renderer='volume', learning_rate=1e-2, **fields)
  step, state = tiny_step(config)
  step, batch, errors = jax.jit(step), random_batch(2), []
  image = make_model(config).modalities[0].name
  for _ in range(20):
    state, metrics = step(state, batch, RANGES)
    assert np.isfinite(metrics['loss']) and metrics['gradient_norm/scenes_image'] > 0
    errors.append(float(metrics[f'squared_error/{image}']))
  assert np.mean(errors[-5:]) < 0.95 * np.mean(errors[:5])


@pytest.mark.long
def test_rays_change_the_estimate_of_the_images_error_alone():
  batch, found = random_batch(2), {}
  for rays in (0, 5):
    step, state = tiny_step(tiny_config(renderer='volume', rays=rays))
    _, found[rays] = jax.jit(step)(state, batch, RANGES)
  for name in ('kl', 'squared_error/haptic'):
    np.testing.assert_array_equal(found[0][name], found[5][name])
  assert found[0]['squared_error/rgb'] != found[5]['squared_error/rgb']


def test_parameters_are_one_volume_s_whatever_the_cuts_and_those_of_other_senses_stay():
  trees = {}
  for name, renderer in itertools.product(('m2', 'm5'), ('paper', 'volume')):
    model = make_model(tiny_config(modalities=name, image_size=16, renderer=renderer))
    trees[name, renderer] = parameter_shapes(model)
  volumes = [trees[name, 'volume']['scenes_image'] for name in ('m2', 'm5')]
  assert volumes[0]['voxels'] == volumes[1]['voxels']
  for name in ('m2', 'm5'):
    paper, volume = trees[name, 'paper'], trees[name, 'volume']
    assert not [part for part in paper if part.startswith('scenes')]
    images = {f'renderers_{m.name}' for m in modality_set(name, 16) if m.sense == IMAGE}
    assert set(paper) - set(volume) == images and set(volume) - set(paper) == {'scenes_image'}


@pytest.mark.parametrize(
  ('modalities', 'sentence'),
  [
    (
      (Modality('odd', IMAGE, lambda image: image, (8, 8, 3)),),
      "modality 'odd' is not cut by an ImageCut, .* renderer='paper'",
    ),
    (
      tuple(
        Modality(str(c), IMAGE, ImageCut(c, (0, 8), (0, 8)), (8, 8, 3)) for c in (8, 16)
      ),
      r'canvases of \[8, 16\] pixels, .* give them one canvas',
    ),
  ],
)  # fmt: skip
def test_cuts_that_have_no_rays_or_no_common_canvas_are_refused(modalities, sentence):
  with pytest.raises(UserError, match=sentence) as refused:
    parameter_shapes(GMN(modalities, width=2, steps=2, latent=1, rendering=VOLUME))
  assert '\n' not in str(refused.value)


@pytest.mark.parametrize('number', [0, 1, 1e3, np.nan])
def test_bfloat16_is_near_float32_and_poses_that_are_none_change_no_other_view(
  number,
):
  rng = np.random.default_rng(2)
  inputs = [rng.uniform(0, 40, (8,) * 3), *rng.random((2, 8, 8, 8, 3))]
  volume = _volume(*(np.float32(x) for x in inputs))
  narrow = volume._replace(rows=volume.rows.astype(jnp.bfloat16))
  whole = Modality('whole', IMAGE, ImageCut(8, (0, 8), (0, 8)), (8, 8, 3))
  queries = jnp.concatenate([_queries(), jnp.full((1, 7), number)])[None]
  images = [_image_of(whole, v, queries)[0] for v in (volume, narrow)]
  np.testing.assert_allclose(images[1][:-1], images[0][:-1], atol=0.02)
  if np.isfinite(number):
    assert all(np.isfinite(image).all() for image in images)


@pytest.mark.parametrize('moved', ['farther', 'looks past', 'not a number'])
def test_cameras_that_are_not_the_simulator_s_are_refused_before_training(moved):
  dataset = random_dataset()
  scenes = dataset.splits['train']
  for scene in scenes:
    angles = np.linspace(-1, 1, 2 * len(scene['cameras'])).reshape(-1, 2)
    scene['cameras'] = np.float32([poses.query(poses.camera_pose(*a)) for a in angles])
  config = tiny_config(renderer='volume')
  prepare(config, dataset)
  view = scenes[-1]['cameras'][-1]
  view[:] = {'farther': 1.1, 'looks past': [1, 1, 1, 1, 1.2], 'not a number': np.nan}[moved] * view
  with pytest.raises(UserError, match=r'stand 1 m from the origin.*renderer=paper'):
    prepare(config, dataset)
