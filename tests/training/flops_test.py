"""What arithmetic a traced function takes, held against numbers that were multiplied by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractMesh, AxisType, PartitionSpec

from gmn_jax import config as configs
from gmn_jax.config import presets
from gmn_jax.layers import direct
from gmn_jax.layers.convolution import convolve
from gmn_jax.model import POE, PRODUCT
from gmn_jax.model.experts import Experts
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses.vector import VectorEncoder
from gmn_jax.training.flops import count_macs, count_padding_macs, step_flops
from gmn_jax.training.train_step import init_state, make_step
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step


def _shape(*sizes: int) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct(sizes, jnp.float32)


def _gradients(function, *args):
  """What a function's sum of squares takes with the gradient for every argument."""

  def loss(*args):
    return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(function(*args)))

  return count_macs(jax.grad(loss, argnums=range(len(args))), *args)


def _convolve(x, kernel, strides=(1, 1), padding='SAME', **options):
  return jax.lax.conv_general_dilated(
    x, kernel, strides, padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC'), **options
  )


DENSE = (lambda x, w: jnp.tanh(x @ w), _shape(6, 5), _shape(5, 7))


def test_a_dense_layer_takes_its_three_sizes_and_as_much_for_each_gradient():
  assert count_macs(*DENSE) == 6 * 5 * 7
  assert _gradients(*DENSE) == 3 * 6 * 5 * 7


def test_a_batched_product_takes_each_of_its_products():
  product = functools.partial(jnp.einsum, 'bij,bjk->bik')
  assert count_macs(product, _shape(3, 4, 5), _shape(3, 5, 6)) == 3 * 4 * 5 * 6
  assert count_macs(functools.partial(jnp.einsum, 'i,j->ij'), _shape(4), _shape(5)) == 4 * 5


def test_what_multiplies_element_by_element_counts_nothing():
  assert count_macs(lambda x: jnp.sort(jnp.exp(x) * x).sum(), _shape(5, 5)) == 0


# Images of 8 by 6 with 3 channels are convolved to 5.
@pytest.mark.parametrize(
  ('kernel', 'options', 'macs'),
  [
    ((5, 3, 3, 5), {}, 2 * 8 * 6 * 15 * 3 * 5),
    # With strides of two there are 4 by 3 outputs.
    ((2, 2, 3, 5), {'strides': (2, 2), 'padding': 'VALID'}, 2 * 4 * 3 * 4 * 3 * 5),
    ((3, 3, 3, 5), {'strides': (2, 2)}, 2 * 4 * 3 * 9 * 3 * 5),
    ((3, 3, 3, 5), {'rhs_dilation': (2, 1)}, 2 * 8 * 6 * 9 * 3 * 5),
    # A kernel for each input channel, with two outputs of its own.
    ((3, 3, 1, 6), {'feature_group_count': 3}, 2 * 8 * 6 * 9 * 6),
  ],
)
def test_a_convolution_and_its_two_gradients_take_equally_many(kernel, options, macs):
  args = functools.partial(_convolve, **options), _shape(2, 8, 6, 3), _shape(*kernel)
  assert count_macs(*args) == macs
  assert _gradients(*args) == 3 * macs


def test_the_holes_of_a_transposed_convolution_are_not_counted():
  # Of 4 by 4 taps, an output reads 2 by 2 inputs, and zeros between them with the others.
  function = functools.partial(_convolve, padding=((2, 2), (2, 2)), lhs_dilation=(2, 2))
  assert jax.eval_shape(function, _shape(1, 4, 3, 2), _shape(4, 4, 2, 5)).shape == (1, 8, 6, 5)
  assert count_macs(function, _shape(1, 4, 3, 2), _shape(4, 4, 2, 5)) == 8 * 6 * 2 * 2 * 2 * 5


def test_groups_of_a_batch_are_convolved_each_with_its_own_kernels():
  function = functools.partial(_convolve, batch_group_count=2)
  assert count_macs(function, _shape(4, 8, 6, 3), _shape(3, 3, 3, 10)) == 2 * 8 * 6 * 9 * 3 * 10


@pytest.mark.parametrize(('side', 'outputs'), [(8, 4), (3, 4), (8, 40), (3, 40)])
def test_our_own_convolution_and_gradients_take_what_they_are(side, outputs):
  # Also where the image is padded beforehand, and where a CPU takes another way to the gradient.
  args = convolve, _shape(2, side, side, 3), _shape(5, 5, 3, outputs)
  macs = 2 * side * side * 25 * 3 * outputs
  assert count_macs(*args) == macs
  assert _gradients(*args) == 3 * macs


@pytest.mark.parametrize('side', [3, 4, 8])
@pytest.mark.parametrize('outputs', [4, 40])
def test_products_with_padding_are_counted_apart_in_a_convolution_and_its_gradients(side, outputs):
  # An image smaller than the kernel is padded before it is convolved.
  args = direct.convolve, _shape(2, side, side, 3), _shape(5, 5, 3, outputs)
  inside = sum(0 <= pixel + tap - 2 < side for pixel in range(side) for tap in range(5))
  padding = 2 * ((side * 5) ** 2 - inside**2) * 3 * outputs
  assert count_padding_macs(*args) == padding
  loss = jax.grad(lambda x, kernel: jnp.sum(direct.convolve(x, kernel) ** 2), argnums=(0, 1))
  assert count_padding_macs(loss, *args[1:]) == 3 * padding


def test_products_without_padding_are_none_of_padding():
  assert count_padding_macs(*DENSE) == 0
  valid = functools.partial(_convolve, padding='VALID')
  assert count_padding_macs(valid, _shape(2, 8, 6, 3), _shape(3, 3, 3, 5)) == 0


def test_a_platform_counts_its_own_branch():
  def product(x):
    return jax.lax.platform_dependent(x, cpu=lambda x: x @ x @ x, cuda=lambda x: x, default=_once)

  counts = {
    name: count_macs(product, _shape(3, 3), platform=name) for name in ('cpu', 'gpu', 'tpu')
  }
  assert counts == {'cpu': 2 * 27, 'gpu': 0, 'tpu': 27}
  assert count_macs(product, _shape(3, 3)) == 27


def _once(x):
  return x @ x


def _scan(x, w):
  return jax.lax.scan(lambda carry, _: (carry @ w, None), x, length=11)[0]


def test_a_scan_counts_as_often_as_it_goes_round():
  args = _scan, _shape(2, 3), _shape(3, 3)
  assert count_macs(*args) == 11 * 2 * 3 * 3
  assert _gradients(*args) == 3 * 11 * 2 * 3 * 3
  nested = jax.vmap(jax.jit(_scan), in_axes=(0, None))
  assert count_macs(jax.jit(nested), _shape(5, 2, 3), _shape(3, 3)) == 5 * 11 * 2 * 3 * 3


def test_a_loop_of_known_length_is_a_scan_and_one_of_unknown_length_is_refused():
  def loop(x, w, n):
    return jax.lax.fori_loop(0, n, lambda _, x: x @ w, x)

  args = _shape(2, 3), _shape(3, 3)
  assert count_macs(functools.partial(loop, n=4), *args) == 4 * 2 * 3 * 3
  with pytest.raises(ValueError, match='loop of unknown length'):
    count_macs(loop, *args, 4)
  # What multiplies nothing may go on for as long as it likes.
  assert count_macs(lambda x, n: jax.lax.fori_loop(0, n, lambda _, x: x + 1, x), args[0], 4) == 0


def test_what_is_rematerialised_counts_as_often_as_it_is_computed():
  def layers(x, first, second):
    return jnp.tanh(x @ first) @ second

  args = _shape(6, 5), _shape(5, 7), _shape(7, 4)
  first, second = 6 * 5 * 7, 6 * 7 * 4
  assert count_macs(jax.checkpoint(layers), *args) == first + second
  assert _gradients(layers, *args) == 3 * (first + second)
  # The second product is not computed again: nothing of the backward pass reads it.
  assert _gradients(jax.checkpoint(layers), *args) == 3 * (first + second) + first


def test_functions_with_derivatives_of_their_own_count_those():
  @jax.custom_vjp
  def cheap(x, w):
    return x @ w

  # Its "gradient" for x is that for the outputs of another product, and for w there is none.
  cheap.defvjp(lambda x, w: (x @ w, w), lambda w, g: (g @ w.T @ w @ w.T, jnp.zeros_like(w)))
  args = _shape(2, 3), _shape(3, 4)
  assert count_macs(cheap, *args) == 2 * 3 * 4
  assert _gradients(cheap, *args) == 4 * 2 * 3 * 4

  @jax.custom_jvp
  def steep(x, w):
    return x @ w

  steep.defjvp(lambda primals, tangents: (steep(*primals), 3 * tangents[0] @ primals[1]))
  assert count_macs(steep, *args) == 2 * 3 * 4
  assert count_macs(jax.grad(lambda x, w: steep(x, w).sum()), *args) == 2 * 2 * 3 * 4


def _twice(x):
  return x @ x @ x


def test_of_branches_that_of_any_platform_or_the_largest_counts():
  def by_platform(x):
    return jax.lax.platform_dependent(x, cpu=_twice, default=lambda x: x @ x)

  def by_value(chosen, x):
    return jax.lax.cond(chosen, lambda x: x @ x, _twice, x)

  assert count_macs(by_platform, _shape(3, 3)) == 27
  assert count_macs(by_value, True, _shape(3, 3)) == 2 * 27


def test_every_device_counts():
  mesh = AbstractMesh((4, 2), ('data', 'copies'), axis_types=(AxisType.Auto,) * 2)
  split, whole = PartitionSpec('data'), PartitionSpec()
  product = jax.shard_map(
    jnp.dot, mesh=mesh, in_specs=(split, whole), out_specs=split, check_vma=False
  )
  # Two copies each compute all 8 rows.
  assert count_macs(product, _shape(8, 3), _shape(3, 5)) == 2 * 8 * 3 * 5


def test_the_encoder_of_grasps_takes_the_products_of_its_widths():
  encoder = VectorEncoder(width=4, grid=(2, 1))
  grasps, queries = _shape(6, 5), _shape(6, 7)
  params = jax.eval_shape(encoder.init, jax.random.key(0), grasps, queries)
  widths = [(5, 32), (32, 16), (16, 32), (32 + 7, 16), (16, 32), (32, 2 * 16)]
  macs = 6 * sum(inputs * outputs for inputs, outputs in widths)
  assert count_macs(encoder.apply, params, grasps, queries) == macs
  # Nobody asks for the gradient for a grasp.
  taken = _gradients(
    lambda params: encoder.apply(params, jnp.ones((6, 5)), jnp.ones((6, 7))), params
  )
  assert taken == 3 * macs - 6 * 5 * 32


@pytest.mark.parametrize('informed', [False, True])
def test_experts_take_the_convolutions_of_their_draw_steps(informed):
  E, N, h, w, T, L, Z = 3, 2, 2, 1, 4, 4, 2
  R, G = 4 * L, 4 * L
  experts = Experts(
    POE, PRODUCT, modalities=E, representation=R, hidden=L, latent=Z, informed=informed
  )
  infer = functools.partial(experts.apply, method='sample_posterior')
  inputs = _shape(E, N, h, w, R), _shape(E, N, h, w, R), _shape(N, T, h, w, Z)
  params = jax.eval_shape(
    functools.partial(experts.init, method='sample_posterior'), jax.random.key(0), *inputs
  )
  constant = 3 * R * G  # context to both sets of gates, targets to the posterior's
  of_hidden = L * (G + 2 * Z) + L * (2 * G + 2 * Z)  # gates and heads; the posterior reads both
  channels = constant + (T - 1) * (of_hidden + Z * G) + L * 2 * Z  # the last step has but its heads
  channels += informed * L * (2 * G + 2 * Z)  # the prior's state before the first step
  macs = E * N * h * w * 25 * channels
  assert count_macs(infer, params, *inputs) == macs
  *representations, noise = inputs
  noise = jnp.ones(noise.shape)
  assert _gradients(lambda *args: infer(*args, noise), params, *representations) == 3 * macs


@pytest.mark.long
def test_options_of_the_compiler_change_nothing():
  options = {'xla_cpu_enable_concurrency_optimized_scheduler': False}
  product = jax.jit(jnp.matmul, compiler_options=options)
  assert count_macs(product, _shape(2, 3), _shape(3, 5)) == 2 * 3 * 5


@pytest.mark.long
def test_a_step_takes_the_same_whatever_the_optimiser():
  counts = []
  for name in ('adam', 'muon'):
    config = tiny_config(optimizer=name)
    step, state = tiny_step(config)
    counts.append(step_flops(step, make_optimizer(config), state, random_batch(2), RANGES))
  assert counts[0] == counts[1] > 0


@pytest.mark.long
def test_the_full_preset_takes_what_its_config_says():
  config = configs.preset('full')
  model, optimizer = configs.make_model(config), make_optimizer(config)
  state = jax.eval_shape(functools.partial(init_state, model, optimizer, config.seed))
  scenes = {
    'images': jax.ShapeDtypeStruct((config.batch_size, 15, 64, 64, 3), np.uint8),
    'haptics': _shape(config.batch_size, 15, 132),
    'cameras': _shape(config.batch_size, 15, 5),
    'hands': _shape(config.batch_size, 15, 5),
    'index': jax.ShapeDtypeStruct((config.batch_size,), np.uint32),
  }
  step = make_step(config, model, optimizer)
  taken = step_flops(step, optimizer, state, scenes, RANGES)
  assert f'{taken / config.batch_size / 1e12:.2f} TFLOP a' in presets.__doc__
