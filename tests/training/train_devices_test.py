"""One run on any number of devices and processes: the same losses, nothing computed twice, and what
one number of them saved, another goes on from.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.distributed import join
from gmn_jax.training.sharding import make_layout
from mese_env.errors import UserError

pytestmark = pytest.mark.long

_ROOT = pathlib.Path(__file__).parents[2]
# From the quiet start everything is rendered as zeros at first, whatever is drawn.
_FIELDS = {'batch_size': 8, 'quiet_start': False, 'steps': 5}


def _start(devices: int, script: str, *arguments: object) -> subprocess.Popen:
  """A Python script in a process of its own, with so many devices."""
  environment = {
    'XLA_FLAGS': f'{os.environ.get("XLA_FLAGS", "")} --xla_backend_optimization_level=0'
    f' --xla_force_host_platform_device_count={devices}',
  }
  return subprocess.Popen(
    [sys.executable, '-c', script, *map(str, arguments)],
    cwd=_ROOT,
    env=os.environ | environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def _finish(process: subprocess.Popen) -> str:
  output, errors = process.communicate(timeout=600)
  assert process.returncode == 0, errors
  return output


# What the models of some names have, and the devices and fsdp of each kind of mesh.
_KINDS = {
  'product': {},
  'anchored': {'pooling': 'anchored'},
  'volume': {'renderer': 'volume', 'rays': 5},
}
_MESHES = {
  'product': [(1, 1), (4, 2), (8, 1)],
  'anchored': [(1, 1), (4, 2)],
  'volume': [(1, 1), (4, 2)],
}
_STEPS = """
import functools, json, re, sys
import jax
from gmn_jax.training.sharding import make_layout
from tests.tiny_run import RANGES, random_batch, tiny_config, tiny_step

fields, kinds, meshes = map(json.loads, sys.argv[1:])
found = {}
for kind, count, fsdp in [(k, *mesh) for k in meshes for mesh in meshes[k]]:
  whole_step, start = tiny_step(tiny_config(**kinds[kind], **fields))
  layout = make_layout(8, fsdp, jax.devices()[:count])
  step = functools.partial(whole_step, model=layout.parallel(whole_step.keywords['model']))
  shardings = layout.state(start)
  state = jax.device_put(start, shardings)
  batch = jax.device_put(random_batch(8), layout.scenes)
  ranges = jax.device_put(RANGES, layout.whole)
  step = jax.jit(step, out_shardings=(shardings, layout.whole))
  step = step.lower(state, batch, ranges).compile()
  here = found.setdefault(kind, {})[f'{count} devices, fsdp {fsdp}'] = {
    'measured': [],
    'flops': step.cost_analysis()['flops'],
    'collectives': re.findall(
      r'= (\\(.*?\\)|\\S+) (all-reduce|all-gather|reduce-scatter)(?:-start)?\\(', step.as_text()
    ),
  }
  for _ in range(2):
    state, metrics = step(state, batch, ranges)
    here['measured'].append([float(metrics[n]) for n in ('loss', 'kl', 'gradient_norm')])
  leaves = jax.tree.leaves((state.params, state.opt_state))
  here['numbers'] = sum(leaf.size for leaf in leaves)
  here['numbers_of_a_device'] = sum(leaf.addressable_shards[0].data.size for leaf in leaves)
print(json.dumps(found))
"""


@pytest.fixture(scope='module')
def steps():
  """Two steps and the compiled program of each kind of mesh."""
  return json.loads(_finish(_start(8, _STEPS, *map(json.dumps, (_FIELDS, _KINDS, _MESHES)))))


@pytest.mark.parametrize('kind', _MESHES)
def test_one_four_and_eight_devices_compute_the_same(steps, kind):
  one = steps[kind]['1 devices, fsdp 1']['measured']
  for name, found in steps[kind].items():
    np.testing.assert_allclose(found['measured'], one, rtol=1e-5, err_msg=name)


def test_data_needs_one_sum_of_all_gradients_and_computes_each_scene_once(steps):
  steps = steps['product']
  found = steps['8 devices, fsdp 1']
  summed = [shape for shape, kind in found['collectives'] if kind == 'all-reduce']
  # Of booleans is the question whether any scene's episode is to be drawn again.
  (gradients,) = [shape for shape in summed if shape != 'pred[]']
  assert gradients.startswith('(f32[')
  assert not [kind for _, kind in found['collectives'] if kind == 'reduce-scatter']
  # The rest, which is not divided by eight, is the optimiser.
  assert found['flops'] < 0.2 * steps['1 devices, fsdp 1']['flops']


def test_fsdp_halves_what_a_device_holds_and_scatters_its_gradients(steps):
  steps = steps['product']
  found = steps['4 devices, fsdp 2']
  # Small arrays stay whole, and in a tiny model they are many.
  assert found['numbers_of_a_device'] < 0.75 * found['numbers']
  assert 'reduce-scatter' in {kind for _, kind in found['collectives']}
  whole = steps['8 devices, fsdp 1']
  assert whole['numbers_of_a_device'] == whole['numbers']


_TRAIN = """
import json, pathlib, sys
from gmn_jax.training.train import train
from tests.tiny_run import random_dataset, tiny_config
train(tiny_config(**json.loads(sys.argv[1])), random_dataset(), pathlib.Path(sys.argv[2]))
"""


def _train(devices: int, workdir: pathlib.Path, **fields) -> None:
  _finish(_start(devices, _TRAIN, json.dumps(_FIELDS | fields), workdir))


def _losses(workdir: pathlib.Path) -> dict[int, float]:
  records = [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]
  return {r['step']: r['loss'] for r in records if r['split'] == 'train'}


@pytest.fixture(scope='module')
def straight(tmp_path_factory):
  """Losses of a run of five steps on one device."""
  workdir = tmp_path_factory.mktemp('straight')
  _train(1, workdir)
  return _losses(workdir)


@pytest.mark.slow
def test_a_run_on_eight_devices_goes_on_on_one(straight, tmp_path):
  _train(8, tmp_path, fsdp=2, steps=3)
  assert load_run(tmp_path).step == 3
  _train(1, tmp_path)
  assert load_run(tmp_path).step == 5
  losses = _losses(tmp_path)
  assert losses.keys() == straight.keys()
  np.testing.assert_allclose(list(losses.values()), list(straight.values()), rtol=1e-4)


_TOGETHER = """
import json, pathlib, signal, sys
import jax
from gmn_jax.training.distributed import join
from gmn_jax.training.interruption import Interrupted
from gmn_jax.training.train import train
from tests.tiny_run import random_dataset, tiny_config

join(sys.argv[3])
assert (jax.process_count(), jax.device_count()) == (2, 4)


class Counting(list):
  reads = 0

  def __getitem__(self, position):
    self.reads += 1
    # In one process only, while its second step is computed or just before.
    if self.reads == 9 and jax.process_index() == 1:
      signal.raise_signal(signal.SIGTERM)
    return super().__getitem__(position)


dataset = random_dataset()
dataset.splits['train'] = source = Counting(dataset.splits['train'])
try:
  train(tiny_config(**json.loads(sys.argv[1])), dataset, pathlib.Path(sys.argv[2]))
except Interrupted as interrupted:
  print(json.dumps([interrupted.exit_code, str(interrupted), source.reads]))
"""


@pytest.mark.slow
def test_two_processes_compute_the_same_and_stop_at_the_same_step(straight, tmp_path):
  with socket.socket() as free:
    free.bind(('localhost', 0))
    address = f'localhost:{free.getsockname()[1]}'
  fields = json.dumps(_FIELDS | {'steps': 1000, 'fsdp': 2})
  processes = [_start(2, _TOGETHER, fields, tmp_path, f'{place}/2@{address}') for place in (1, 2)]
  # The library that connects them prints, too.
  ended = [json.loads(_finish(process).splitlines()[-1]) for process in processes]
  (code, sentence, reads), (other_code, other_sentence, _) = ended
  assert (code, other_code) == (143, 143) and sentence == other_sentence
  step = load_run(tmp_path).step
  assert sentence.startswith(f'SIGTERM after step {step}:')
  # Each process reads its half of every batch of eight, some of them ahead.
  assert 4 * step <= reads < 8 * step + 40
  losses = _losses(tmp_path)
  assert list(losses) == list(range(1, step + 1))
  both = sorted(losses.keys() & straight.keys())
  assert len(both) >= 2
  np.testing.assert_allclose(
    [losses[step] for step in both], [straight[step] for step in both], rtol=1e-4
  )
  # What two processes saved, one goes on from.
  _train(1, tmp_path, steps=step + 1)
  assert load_run(tmp_path).step == step + 1


def test_what_does_not_fit_the_devices_is_refused():
  with pytest.raises(UserError, match='batch_size is 3, .* the nearest that does is 4'):
    make_layout(3, 1, jax.devices() * 4)
  with pytest.raises(UserError, match='by the 4 devices in 3 parts; the nearest that does is 12'):
    make_layout(8, 1, jax.devices() * 4, accumulate=3)
  with pytest.raises(
    UserError, match='fsdp is 3, which does not divide the 4 devices; use 1, 2, 4'
  ):
    make_layout(4, 3, jax.devices() * 4)
  for place in ('1/2', '3/2@localhost:1', 'automatic'):
    with pytest.raises(UserError, match=f'--distributed={place} is not understood'):
      join(place)
