"""The command: what it accepts, and that what is wrong becomes one sentence before compiling."""

import os
import pathlib
import subprocess
import sys

import jax
import pytest

from gmn_jax.config import preset
from gmn_jax.planning import compiled, fit
from gmn_jax.planning.chips import parse_topology
from gmn_jax.planning.command import AUTO, main, parse, read_config
from gmn_jax.planning.compiled import DoesNotFit
from mese_env.errors import UserError
from tests.tiny_run import tiny_config

_ROOT = pathlib.Path(__file__).parents[2]
_CONFIG = str(_ROOT / 'experiments' / 'configs' / 'apoe.py')
_SLICE = '--topology=v5e:2x2'
_HELP = """
import sys
from gmn_jax.planning.command import main
main([sys.argv[1]])
assert not {'jax', 'flax', 'ml_collections', 'numpy'} & set(sys.modules)
"""


@pytest.mark.parametrize('option', ['-h', '--help'])
def test_help_names_every_option_and_slice_and_loads_no_jax(option):
  done = subprocess.run(
    [sys.executable, '-c', _HELP, option], cwd=_ROOT, capture_output=True, text=True, timeout=60
  )
  assert done.returncode == 0, done.stderr
  for word in ('--topology', '--config', '--batch_per_device', '--price', '--top', '16x16x24'):
    assert word in done.stdout


def test_a_command_line_is_read():
  command = parse(['--topology=v5e:4x8', f'--config={_CONFIG}:full', '--price=1.2', '--top', '9'])
  assert str(command.topology) == 'v5e:4x8' and command.per_device is None
  assert (command.price, command.top) == (1.2, 9)
  assert parse([_SLICE, '--batch_per_device=auto']).per_device == AUTO
  assert parse([_SLICE, '--batch_per_device=8']).per_device == 8
  fields = ['--config.modalities=m14', f'--config={_CONFIG}:full', '--noconfig.opposite']
  config = read_config(parse([_SLICE, *fields]))
  assert config == preset('full', variant='apoe', modalities='m14', opposite=False)


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    ([], 'no topology is given; use --topology=v5e:4x8'),
    (['--topology'], 'expected one argument; see .* --help'),
    (['--topology=v5x:2x2'], "did you mean 'v5[ep]'"),
    ([_SLICE], 'no config is given; use --config='),
    ([_SLICE, '--config.steps=3'], 'no config is given; use --config='),
    ([_SLICE, '--config=nowhere.py:full'], "no config file 'nowhere.py'"),
    ([_SLICE, f'--config={_CONFIG}:huge'], "no preset 'huge'; use one of small, medium, full"),
    ([_SLICE, f'--config={_CONFIG}', '--config.stepz=3'], "'stepz'; did you mean 'steps'"),
    ([_SLICE, f'--config={_CONFIG}', '--config.steps=soon'], '--config.steps=soon'),
    ([_SLICE, f'--config={_CONFIG}', '--config.width=0'], 'width is 0; it must be at least 1'),
    ([_SLICE, f'--config={_CONFIG}', 'full'], "'full' is not understood"),
    ([_SLICE, '--topolgy=v5e:2x2'], "no option --topolgy; did you mean 'topology'"),
    ([_SLICE, '--batch=3'], 'no option --batch;'),
    ([_SLICE, '--build'], 'no option --build; '),
    *[
      ([_SLICE, f'--batch_per_device={given}'], 'must be a whole number of at least 1 or auto')
      for given in ('0', '-1', '1.5', 'many', '', 'inf', '1e3')
    ],
    *[
      ([_SLICE, f'--price={given}'], f'--price is {given}; it must be a positive number')
      for given in ('0', '-1', 'nan', 'inf', 'cheap', '')
    ],
    *[([_SLICE, f'--top={given}'], 'must be a whole number') for given in ('0', '-2', 'all')],
  ],
)
def test_what_is_wrong_with_a_command_line_is_named(arguments, sentence):
  with pytest.raises(UserError, match=sentence):
    main(arguments)


@pytest.mark.long
def test_without_libtpu_the_extra_is_named_and_the_exit_code_is_two(tmp_path):
  # Another libtpu.py would be found first; here there is none at all.
  hide = 'import importlib.util, runpy, sys; find = importlib.util.find_spec; '
  hide += "importlib.util.find_spec = lambda name, *p: None if name == 'libtpu' else find(name, *p)"
  done = subprocess.run(
    [
      sys.executable,
      '-c',
      f"{hide}; runpy.run_module('gmn_jax.plan', run_name='__main__')",
      _SLICE,
      f'--config={_CONFIG}',
    ],
    cwd=tmp_path,
    env=os.environ | {'PYTHONPATH': str(_ROOT)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2 and done.stdout == ''
  assert done.stderr.startswith('error: libtpu is not installed') and "'.[tpu]'" in done.stderr
  assert done.stderr.count('\n') == 1


@pytest.fixture
def two_chips(monkeypatch):
  """A slice, with this machine's CPU as if it were each of its chips; nothing may be compiled."""
  monkeypatch.setattr(fit, 'compile_step', lambda _: pytest.fail('compiled'))
  return parse_topology('v5e:2x2'), jax.devices() * 4


@pytest.mark.long
@pytest.mark.parametrize(
  ('fields', 'per_device', 'sentence'),
  [
    ({'batch_size': 6}, None, 'batch_size is 6, .* by the 4 devices; the nearest that does is 8'),
    ({'fsdp': 3, 'batch_size': 8}, None, 'fsdp is 3, which does not divide the 4 devices'),
    ({'accumulate': 2}, 3, 'by the 4 devices in 2 parts; the nearest that does is 16'),
    ({}, 10_000_000, 'batch_size is 40,000,000; it must be at most 65,536'),
    (
      {'width': 64, 'draw_steps': 12},
      16_000,
      'batch of 16000 on each chip does not fit a v5e of 16 GiB: .* at most',
    ),
  ],
)
def test_what_does_not_go_with_a_slice_is_refused_before_compiling(
  fields, per_device, sentence, two_chips
):
  topology, devices = two_chips
  with pytest.raises(UserError, match=sentence):
    fit.fit(tiny_config(**fields), topology, devices, per_device)


@pytest.mark.long
def test_a_batch_that_the_compiler_refuses_is_named_and_the_largest_is_found(monkeypatch):
  topology, devices = parse_topology('v5e:1x1'), jax.devices()
  tried = []

  def compile_step(traced):
    (batch,) = {leaf.shape[0] for leaf in traced.inputs[1].values()}
    tried.append(batch)
    if batch > 5:
      raise DoesNotFit(batch * 3 * 2**30, 16 * 2**30)
    # What fits the compiler may still be too large with its arguments.
    held = compiled.Memory(batch * 5 * 2**30, 0, 0, 0)
    return compiled.Compiled('', held, None, None, 0.0)

  monkeypatch.setattr(fit, 'compile_step', compile_step)
  monkeypatch.setattr(fit, 'least_bytes', lambda traced: 2**29 * traced.inputs[1]['index'].shape[0])
  with pytest.raises(
    UserError, match='batch of 8 needs 24.0 GiB or more on each v5e of 16 GiB; .*=auto'
  ):
    fit.fit(tiny_config(), topology, devices, 8)
  tried.clear()
  found = fit.fit(tiny_config(), topology, devices, AUTO)
  assert found.config.batch_size == 3 and tried == [32, 4, 3] and found.refused == (4, 32)
  monkeypatch.setattr(fit, 'least_bytes', lambda traced: 2**40 + traced.inputs[1]['index'].shape[0])
  with pytest.raises(UserError, match='does not fit a v5e of 16 GiB: .* use a chip of more memory'):
    fit.fit(tiny_config(), topology, devices, AUTO)


@pytest.mark.parametrize(
  ('text', 'sentence'),
  [
    ('def get_config(): return {}', 'returns an object of type dict'),
    ('get_config = None', r'has no function get_config\(\)'),
    ('def get_config(): return 1 / 0', 'line 1 of .* fails with ZeroDivisionError'),
    ('def get_config(', 'fails with SyntaxError'),
    (
      'from ml_collections import ConfigDict\ndef get_config(): return ConfigDict({"width": 8})',
      "mine.py: the config has no '",
    ),
  ],
)
def test_a_config_file_of_one_s_own_that_is_wrong_is_named(tmp_path, text, sentence):
  file = tmp_path / 'mine.py'
  file.write_text(text)
  with pytest.raises(UserError, match=sentence):
    read_config(parse([_SLICE, f'--config={file}']))
