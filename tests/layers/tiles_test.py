"""Convolutions by tiles against the direct form: every shape that the presets convolve, what
float32 loses, and which form computes where.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax import config as configs
from gmn_jax.config import make_model
from gmn_jax.layers import direct, tiles
from gmn_jax.layers.convolution import Kernel, convolve, directly, prepare
from gmn_jax.model import GMN, Episodes, Noise, apply, parameter_shapes
from gmn_jax.senses.sets import MODALITY_SETS
from gmn_jax.senses.views import Views
from gmn_jax.training.flops import count_macs
from tests import tiny
from tests.jaxprs import equations

_PRESET_AND_SET = [
  (preset, modalities) for preset in configs.PRESETS for modalities in MODALITY_SETS
]
VIEWS, SETS = 15, 2


def by_tiles(x, kernel):
  return convolve(x, Kernel(kernel, tiles.transform(kernel)))


def assert_near(ours, expected, error):
  """Relative to the largest value of each."""
  for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
    difference = np.asarray(x, np.float64) - np.asarray(y)
    assert np.abs(difference).max() <= error * np.abs(y).max()


@functools.partial(jax.jit, static_argnums=0)
def value_and_pullback(function, x, kernel, grad):
  y, pull = jax.vjp(function, x, kernel)
  return y, pull(grad)


def draw(height, width, kernel_shape, images=2):
  """Images, a kernel as a layer starts with it, and the outputs' gradient."""
  rng = np.random.default_rng(0)
  size, _, inputs, outputs = kernel_shape
  x = rng.standard_normal((images, height, width, inputs))
  kernel = rng.standard_normal(kernel_shape) / np.sqrt(size**2 * inputs)
  return x, kernel, rng.standard_normal((images, height, width, outputs))


@pytest.mark.parametrize('size', tiles.SIZES)
@pytest.mark.parametrize(
  'height, width', [(1, 1), (2, 3), (4, 4), (6, 6), (12, 6), (7, 9), (16, 16), (4, 33)]
)
def test_tiles_are_the_convolution_and_its_gradients_on_any_map(x64, size, height, width):
  inputs = draw(height, width, (size, size, 3, 4))
  ours, expected = (value_and_pullback(f, *inputs) for f in (by_tiles, direct.convolve))
  assert_near(ours, expected, 1e-13)


def shapes(preset, modalities):
  """What a training step of a preset convolves by tiles in float32: (height, width, kernel's)."""
  found = set()
  for variant in ('apoe', 'poe'):
    config = configs.preset(preset, modalities=modalities, variant=variant, dtype='float32')
    model, batch = make_model(config), config.batch_size

    def array(*shape):
      return jax.ShapeDtypeStruct(shape, jnp.float32)

    views = Views(
      tuple(array(batch, VIEWS, *m.shape) for m in model.modalities),
      tuple(array(batch, VIEWS, 7) for _ in model.modalities),
    )
    mask = jax.ShapeDtypeStruct((SETS, batch, len(model.modalities), VIEWS), bool)
    noise = Noise(array(*model.latents_shape(SETS * batch)))
    program = jax.make_jaxpr(functools.partial(apply, model))(
      parameter_shapes(model), views, Episodes(mask, mask), noise
    )
    for equation in equations(program.jaxpr):
      if equation.primitive.name == 'custom_vjp_call':
        # Behind the constants: images, kernel, and where it goes by tiles the kernel for them.
        given = [variable.aval.shape for variable in equation.invars][-4:]
        if [len(shape) for shape in given] == [4, 4, 3, 3]:
          found.add((*given[0][1:3], given[1]))
  return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize('preset, modalities', _PRESET_AND_SET)
def test_every_convolution_of_a_preset_is_exact_to_rounding(preset, modalities):
  found = shapes(preset, modalities)
  assert found
  for shape in found:
    inputs = draw(*shape)
    with jax.enable_x64(True):
      expected = value_and_pullback(direct.convolve, *inputs)
      assert_near(value_and_pullback(by_tiles, *inputs), expected, 1e-12)
    in_float32 = value_and_pullback(by_tiles, *map(np.float32, inputs))
    assert_near(in_float32, expected, 2e-5)


@pytest.mark.long
@pytest.mark.parametrize('shape', [(16, 16, (5, 5, 256, 256)), (16, 16, (3, 3, 256, 256))])
def test_float32_loses_no_more_than_it_may(shape):
  """The widest kernels of the full preset."""
  inputs = draw(*shape)
  with jax.enable_x64(True):
    expected = value_and_pullback(direct.convolve, *inputs)
  assert_near(value_and_pullback(by_tiles, *map(np.float32, inputs)), expected, 2e-5)


WIDE = (
  jax.ShapeDtypeStruct((30, 16, 16, 64), jnp.float32),
  jax.ShapeDtypeStruct((5, 5, 64, 256), jnp.float32),
)


def gradient_in_a_loop(x, kernel):
  def loss(x, kernel):
    kernel = prepare(kernel, x.shape[:3])

    def step(x, _):
      return x + convolve(x, kernel)[..., : x.shape[-1]], None

    return jax.lax.scan(step, x, length=4)[0].sum()

  return jax.grad(loss, (0, 1))(x, kernel)


@pytest.mark.parametrize('platform', ['cuda', 'tpu', 'cpu'])
def test_tiles_are_for_processors_alone(platform):
  program = jax.jit(gradient_in_a_loop).trace(*WIDE).lower(lowering_platforms=(platform,)).as_text()
  assert ('dot_general' in program) == (platform == 'cpu')
  assert ('stablehlo.convolution' in program) == (platform != 'cpu')


def test_the_model_s_arithmetic_is_counted_whatever_computes_it():
  x, kernel = (leaf.shape for leaf in WIDE)
  macs = np.prod(x) * 25 * kernel[-1]
  direct = 3 * 4 * macs
  for platform in (None, 'cuda', 'tpu'):
    assert count_macs(gradient_in_a_loop, *WIDE, platform=platform) == direct
  # Four products an output instead of 25, and the transforms.
  assert 4 / 25 < count_macs(gradient_in_a_loop, *WIDE, platform='cpu') / direct < 7 / 25


def test_bfloat16_few_channels_and_other_sizes_are_computed_directly():
  def is_tiled(*shape, dtype=jnp.float32):
    found = []
    jax.eval_shape(
      lambda kernel: found.append(prepare(kernel, (30, 16, 16))), jax.ShapeDtypeStruct(shape, dtype)
    )
    return found[0].tiles is not None

  assert is_tiled(5, 5, 64, 256)
  assert not is_tiled(5, 5, 64, 256, dtype=jnp.bfloat16)
  assert not is_tiled(5, 5, 3, 256)
  assert not is_tiled(1, 1, 64, 256)
  with directly():
    assert not is_tiled(5, 5, 64, 256)
  assert is_tiled(5, 5, 64, 256)


def test_a_kernel_is_transformed_once_for_a_loop_and_so_is_its_gradient(x64):
  x, kernel, _ = draw(8, 8, (5, 5, 16, 64))

  def repeat(convolution, ready):
    def run(x, kernel):
      kernel = ready(kernel)

      def step(x, _):
        return jnp.tanh(convolution(x, kernel)[..., : x.shape[-1]]), None

      return jax.lax.scan(step, x, length=3)[0]

    return run

  ours = repeat(convolve, lambda kernel: Kernel(kernel, tiles.transform(kernel)))
  grad = np.ones_like(x)
  expected = value_and_pullback(repeat(direct.convolve, lambda kernel: kernel), x, kernel, grad)
  assert_near(value_and_pullback(ours, x, kernel, grad), expected, 1e-12)
  program = value_and_pullback.lower(ours, x, kernel, grad).compile().as_text()
  loops = [line for line in program.splitlines() if ' while(' in line]
  assert len(loops) == 2
  assert all('[64,16,64]' in line or '[64,64,16]' in line for line in loops)
  # Neither the plain kernel nor a gradient of it goes round.
  assert not any('[5,5,16,64]' in line for line in loops)


# So many channels and scenes that experts, encoders and renderers all go by tiles.
WIDTH, SCENES = 16, 22


@pytest.fixture(scope='module')
def wide():
  """A model that convolves by tiles, its inputs, and the loss and gradient of the direct form."""
  with jax.enable_x64(True):
    model = tiny.make_model('apoe', width=WIDTH)
    views = tiny.draw_views(model, SCENES)
    mask = np.random.default_rng(0).random((SCENES, 3, 4)) < 0.5
    episodes = tiny.make_episodes(mask, ~mask)
    inputs = views, episodes, tiny.draw_noise(model, SCENES)
    params = tiny.draw_params(model)
    return model, params, inputs, loss_and_gradient(model.clone(direct=True), params, *inputs)


def loss_and_gradient(model: GMN, params, *inputs):
  def loss(params):
    drawn, means = apply(model, params, *inputs)
    leaves = jax.tree.leaves((drawn, means))
    return sum(jnp.sum(jnp.sin(leaf)) for leaf in leaves if leaf is not None)

  return jax.jit(jax.value_and_grad(loss))(params)


@pytest.mark.long
@pytest.mark.parametrize('fields', [{}, {'remat': True}])
def test_a_model_is_the_same_by_tiles(x64, wide, fields):
  model, params, inputs, expected = wide
  found = loss_and_gradient(model.clone(**fields), params, *inputs)
  largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected[1]))
  np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
  for x, y in zip(jax.tree.leaves(found[1]), jax.tree.leaves(expected[1]), strict=True):
    np.testing.assert_allclose(x, y, rtol=0, atol=1e-12 * largest)


@pytest.mark.long
def test_a_model_convolves_by_tiles_unless_told_to_do_it_directly(wide):
  model, params, inputs, _ = wide

  def convolutions(model):
    text = jax.jit(functools.partial(apply, model)).lower(params, *inputs).as_text()
    return text.count('stablehlo.convolution')

  assert convolutions(model) < convolutions(model.clone(direct=True))


def test_images_may_be_mapped_over(x64):
  x, kernel, _ = draw(6, 5, (3, 3, 4, 5))
  many = np.stack([x, 2 * x + 1])
  mapped = jax.jit(jax.vmap(by_tiles, in_axes=(0, None)))(many, kernel)
  assert_near(mapped, np.stack([direct.convolve(x, kernel) for x in many]), 1e-12)
