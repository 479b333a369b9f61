"""What is read from a compiled program is what was written into it."""

import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from gmn_jax.planning import findings
from gmn_jax.planning.hlo import ArrayShape, read_program

_ROOT = pathlib.Path(__file__).parents[2]
# Each device sums 3 x 8 numbers over all in every one of five rounds, gathers 8 parts of 5 x 4
# numbers once, and sums 16 x 8 numbers of which it keeps an eighth.
_EXCHANGE = """
import functools
import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P

mesh = jax.make_mesh((8,), ('x',), axis_types=(jax.sharding.AxisType.Auto,))

@functools.partial(
  jax.shard_map, mesh=mesh, in_specs=(P(), P('x'), P()), out_specs=(P(), P(), P('x')),
  check_vma=False,
)
def exchange(a, b, c):
  def step(total, _):
    return jax.lax.psum(jnp.sin(total), 'x'), None
  total, _ = jax.lax.scan(step, a, length=5)
  return total, jax.lax.all_gather(b, 'x', tiled=True), jax.lax.psum_scatter(c, 'x', tiled=True)

arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((3, 8), (40, 4), (16, 8))]
print(jax.jit(exchange).lower(*arrays).compile().as_text())
"""
# Lines as libtpu 0.0.42.1 writes them, shortened.
_TPU = """HloModule jit_step, is_scheduled=true

FileNames
1 "/home/user/gmn_jax/model/experts.py"
2 "/home/user/gmn_jax/layers/lstm.py"

FunctionNames
1 "step"

FileLocations
1 {file_name_id=1 function_name_id=1 line=149 end_line=149 column=4 end_column=9}
2 {file_name_id=2 function_name_id=1 line=20 end_line=20 column=4 end_column=9}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=1}

%fused_computation.1 (param_0.1: bf16[5,16], param_1.1: bf16[16,64]) -> bf16[5,64] {
  %param_0.1 = bf16[5,16]{1,0:T(8,128)(2,1)} parameter(0)
  %param_1.1 = bf16[16,64]{1,0:T(8,128)(2,1)} parameter(1)
  ROOT %convolution.1 = bf16[5,64]{1,0:T(8,128)(2,1)S(1)} convolution(%param_0.1, %param_1.1), dim_labels=bf_io->bf
}

%fused_computation.2 (param_0.2: f32[8,256]) -> f32[256,8] {
  %param_0.2 = f32[8,256]{1,0:T(8,128)} parameter(0)
  ROOT %transpose.2 = f32[256,8]{0,1:T(8,128)} transpose(%param_0.2), dimensions={1,0}
}

%body.3 (arg.3: (s32[], bf16[5,64])) -> (s32[], bf16[5,64]) {
  %arg.3 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) parameter(0)
  %get-tuple-element.3 = s32[]{:T(128)} get-tuple-element(%arg.3), index=0
  %get-tuple-element.4 = bf16[5,64]{1,0:T(8,128)(2,1)} get-tuple-element(%arg.3), index=1
  %copy.3 = bf16[5,64]{0,1:T(8,128)(2,1)} copy(%get-tuple-element.4), metadata={op_name="jit(step)/experts/while/body/transpose" stack_frame_id=1}, backend_config={"window_config":{"estimated_cycles":"70"}}
  ROOT %tuple.3 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) tuple(%get-tuple-element.3, %copy.3)
}

%condition.4 (arg.4: (s32[], bf16[5,64])) -> pred[] {
  %arg.4 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) parameter(0)
  %get-tuple-element.5 = s32[]{:T(128)} get-tuple-element(%arg.4), index=0
  %constant.4 = s32[]{:T(128)} constant(11)
  ROOT %compare.4 = pred[]{:T(512)} compare(%get-tuple-element.5, %constant.4), direction=LT
}

%never_known.5 (arg.5: (s32[], bf16[5,64])) -> pred[] {
  %arg.5 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) parameter(0)
  %get-tuple-element.6 = s32[]{:T(128)} get-tuple-element(%arg.5), index=0
  ROOT %compare.5 = pred[]{:T(512)} compare(%get-tuple-element.6, %get-tuple-element.6), direction=NE
}

ENTRY %main.9 (x: bf16[5,16], w: bf16[16,64], y: f32[8,256]) -> bf16[5,64] {
  %x = bf16[5,16]{1,0:T(8,128)(2,1)} parameter(0)
  %w = bf16[16,64]{1,0:T(8,128)(2,1)} parameter(1)
  %y = f32[8,256]{1,0:T(8,128)} parameter(2)
  %fusion.1 = bf16[5,64]{1,0:T(8,128)(2,1)S(1)} fusion(%x, %w), kind=kOutput, calls=%fused_computation.1, metadata={op_name="jit(step)/dot_general" stack_frame_id=2}, backend_config={"window_config":{"estimated_cycles":"1000"}}
  %fusion.2 = f32[256,8]{0,1:T(8,128)} fusion(%y), kind=kLoop, calls=%fused_computation.2, metadata={op_name="jit(step)/transpose" stack_frame_id=2}, backend_config={"window_config":{"estimated_cycles":"30"}}
  %constant.9 = s32[]{:T(128)} constant(0)
  %tuple.9 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) tuple(%constant.9, %fusion.1)
  %while.9 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) while(%tuple.9), condition=%condition.4, body=%body.3
  %while.10 = (s32[]{:T(128)}, bf16[5,64]{1,0:T(8,128)(2,1)}) while(%while.9), condition=%never_known.5, body=%body.3
  %all-gather-start.9 = (bf16[5,64]{1,0:T(8,128)(2,1)}, bf16[40,64]{1,0:T(8,128)(2,1)}) all-gather-start(%fusion.1), dimensions={0}
  %all-gather-done.9 = bf16[40,64]{1,0:T(8,128)(2,1)} all-gather-done(%all-gather-start.9)
  %negate.9 = bf16[40,64,64]{2,1,0:T(8,128)(2,1)} negate(%all-gather-done.9), metadata={op_name="jit(step)/neg" stack_frame_id=1}
  ROOT %get-tuple-element.9 = bf16[5,64]{1,0:T(8,128)(2,1)} get-tuple-element(%while.10), index=1
}
"""  # noqa: E501 - the lines are a program's own.


@pytest.fixture(scope='module')
def tpu():
  return read_program(_TPU)


@pytest.mark.long
def test_collectives_of_eight_devices_are_counted_as_often_as_loops_go_round():
  environment = os.environ | {'XLA_FLAGS': '--xla_force_host_platform_device_count=8'}
  done = subprocess.run(
    [sys.executable, '-c', _EXCHANGE], cwd=_ROOT, env=environment, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  program = read_program(done.stdout)
  found = {c.kind: (c.count, c.bytes) for c in findings.collectives(program)}
  assert found == {
    'all-reduce': (5, 5 * 4 * 3 * 8),
    'all-gather': (1, 4 * 40 * 4),
    'reduce-scatter': (1, 4 * 16 * 8),
  }
  assert not program.unknown_loops()
  assert findings.estimated_cycles(program) == 0


def test_loops_within_loops_and_loops_of_unknown_length_on_this_backend():
  def count(x):
    def inner(x, _):
      return jnp.sort(x), None

    def outer(x, _):
      return jax.lax.scan(inner, x + 1, length=3)[0], None

    x, _ = jax.lax.scan(outer, x, length=4)
    return jax.lax.while_loop(lambda x: x[0] < 5, lambda x: jnp.sort(2 * x), x)

  text = jax.jit(count).lower(jax.ShapeDtypeStruct((1000,), jnp.float32)).compile().as_text()
  program = read_program(text)
  # Three times four, and the one of which nobody knows how often.
  assert sum(times for times, op in program.executed() if op.code == 'sort') == 13
  assert len(program.unknown_loops()) == 1


def test_a_text_that_is_no_program_is_refused():
  with pytest.raises(ValueError, match='no text of a compiled program'):
    read_program('HloModule nothing\n')


@pytest.mark.parametrize(
  ('array', 'numbers', 'padded'),
  [
    (ArrayShape('f32', (3, 7), (1, 0)), 84, 84),
    # The innermost axis is filled up to 128, the next one to 8.
    (ArrayShape('f32', (3, 7), (1, 0), (8, 128)), 84, 4 * 8 * 128),
    (ArrayShape('f32', (3, 7), (0, 1), (8, 128)), 84, 4 * 8 * 128),
    (ArrayShape('bf16', (120, 16, 16, 64), (0, 3, 2, 1), (8, 128)), 3932160, 4194304),
    (ArrayShape('bf16', (2, 16, 16, 16, 518), (3, 2, 4, 1, 0), (8, 128)), 8486912, 67895296),
    (ArrayShape('f32', (300,), (0,), (1024,)), 1200, 4096),
    (ArrayShape('pred', (5,)), 5, 5),
    (ArrayShape('s4', (5,)), 3, 3),
    (ArrayShape('f8e4m3fn', (5,)), 5, 5),
    (ArrayShape('c64', ()), 8, 8),
    (ArrayShape('token', ()), 0, 0),
  ],
)
def test_an_array_takes_its_numbers_and_what_fills_its_tiles(array, numbers, padded):
  assert (array.bytes, array.padded_bytes) == (numbers, padded)


def test_a_program_for_tpus_is_read(tpu):
  (product,) = [op for _, op in tpu.executed() if op.name == 'fusion.1']
  assert product.line == 'layers/lstm.py:20' and product.path == 'jit(step)/dot_general'
  assert product.arrays[0] == ArrayShape('bf16', (5, 64), (1, 0), (8, 128), 1)
  assert [op.code for op in tpu.within(product)] == [
    'fusion', 'parameter', 'parameter', 'convolution'
  ]  # fmt: skip
  # Eleven rounds, known from what the counter is compared with, and one of an unknown number.
  assert sum(times for times, op in tpu.executed() if op.name == 'copy.3') == 12
  assert [loop.name for loop in tpu.unknown_loops()] == ['while.10']
  assert findings.estimated_cycles(tpu) == 1000 + 30 + 12 * 70


def test_what_costs_most_is_found_by_line(tpu):
  (product,) = findings.products(tpu, clock_hz=1e3)
  assert (product.line, product.count, product.seconds) == ('layers/lstm.py:20', 1, 1.0)
  assert findings.other_fusions(tpu, clock_hz=1e3) == []
  copies, transposes = findings.layout_changes(tpu, clock_hz=1e3)
  assert (copies.line, copies.count, copies.bytes) == ('model/experts.py:149', 12, 12 * 16384)
  assert (transposes.line, transposes.count, transposes.seconds) == ('layers/lstm.py:20', 1, 0.03)
  (alone,) = findings.unfused(tpu, clock_hz=1e3)
  assert alone.shape == 'bf16[40,64,64]' and alone.bytes == 2 * 40 * 64 * 128
  assert [(c.kind, c.count, c.bytes) for c in findings.collectives(tpu)] == [
    ('all-gather', 1, 40 * 128 * 2)
  ]


def test_what_tiles_fill_up_to_twice_its_size_is_found():
  # 64 channels on 128 lanes.
  text = """
ENTRY %main.1 (x: f32[2,8,8,{channels}]) -> f32[2,8,8,{channels}] {{
  %x = f32[2,8,8,{channels}]{{3,2,1,0:T(8,128)}} parameter(0)
  ROOT %copy.1 = f32[2,8,8,{channels}]{{3,2,1,0:T(8,128)}} copy(%x)
}}
"""
  for channels, filling in ((64, 32768), (3, 64000), (65, 0), (128, 0)):
    found = findings.filled_up(read_program(text.format(channels=channels)), 1.0)
    assert sum(group.filling for group in found) == filling, channels
