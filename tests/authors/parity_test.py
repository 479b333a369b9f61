"""Our model equals recordings of the authors' implementation (see `make_extracts.py`)."""

import json
import math
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

from gmn_jax.authors import parity
from gmn_jax.authors import recordings as goldens
from gmn_jax.model import Noise, add_opposite, objective
from gmn_jax.senses.sets import modality_set
from tests import recording

pytestmark = [pytest.mark.optimised, pytest.mark.long]

# Every gradient is compared by its norm, its sum and its first four elements.
FORWARD_AND_GRADIENT = {
  'loss', 'likelihood', 'kl', 'mod_likelihoods', 'kl_step_scene', 'grad_norm', 'grad_first4',
  'grad_sum', 'grad_global_norm',
}  # fmt: skip
PREDICTIONS = {
  f'predict_logprob_{gray}{scale}' for gray in ('', 'gray_') for scale in ('unit', 'uint8')
}
TRACE = {'train3_loss', 'train3_grad_norm'}


def read_extract(variant, run):
  return goldens.read_golden(parity.EXTRACTS / f'golden_{variant}_v4_m2_{run}.npz')


# Neighbours share a compilation.
@pytest.mark.parametrize(
  'variant, run',
  [('apoe', 'noise'), ('poe', 'noise'), ('baseline', 'zeronoise')],
)
def test_forward_and_gradient_equal_the_recording(variant, run, x64):
  golden = read_extract(variant, run)
  compared = set()
  for name, error, _ in parity.compare(golden):
    assert error <= 1e-9, name
    compared.add(name)
    if name == 'grad_global_norm':
      break
  assert compared - {'loss_per_scene'} == FORWARD_AND_GRADIENT


@pytest.mark.slow
@pytest.mark.parametrize('variant', ['apoe', 'poe', 'baseline'])
@pytest.mark.parametrize('run', ['noise', 'zeronoise'])
def test_all_that_is_recorded_is_equal(variant, run, x64):
  errors = {name: error for name, error, _ in parity.compare(read_extract(variant, run))}
  expected = FORWARD_AND_GRADIENT | PREDICTIONS | (TRACE if run == 'zeronoise' else set())
  assert set(errors) - {'loss_per_scene'} == expected
  assert all(error <= (1e-6 if name in TRACE else 1e-9) for name, error in errors.items()), errors


@pytest.mark.slow
@pytest.mark.parametrize('run', ['zeronoise', 'noise'])
def test_a_batch_with_its_swap_in_one_pass_equals_the_authors_six_episodes(run, x64):
  recorded = json.loads(pathlib.Path(__file__).with_name('opposite.json').read_text())
  expected = recorded[f'apoe_m2_{run}']
  golden = read_extract('apoe', run)
  model, episodes = golden.model, add_opposite(golden.episodes)
  noise = Noise(goldens.seeded_noise(model, 4000 + 2, episodes=6) * (run == 'noise'))

  @jax.jit
  def loss_and_gradient(params, views, noise):
    def summed_loss(params):
      parts = objective.elbo_terms(model, params, views, episodes, noise)
      return parts.loss() * len(parts.targets), parts

    (_, parts), gradient = jax.value_and_grad(summed_loss, has_aux=True)(params)
    return parts, optax.tree.norm(gradient)

  parts, norm = loss_and_gradient(golden.params, golden.views, noise)
  # The authors add the Gaussian's constant once per modality.
  likelihoods = 0.5 * parts.squared_error.sum(axis=0) + 0.5 * math.log(2 * math.pi)
  ours = {
    'loss': likelihoods.sum() + parts.kl.sum(),
    'likelihood': likelihoods.sum(),
    'kl': parts.kl.sum(),
    'mod_likelihoods': likelihoods,
    'grad_global_norm': norm,
  }
  assert ours.keys() == expected.keys()
  for name, value in ours.items():
    np.testing.assert_allclose(value, expected[name], rtol=1e-9, err_msg=name)


def run_parity(*paths):
  command = [sys.executable, '-m', 'gmn_jax.parity', *map(str, paths)]
  # A narrow model runs in no time: the time goes into compiling it.
  quickly = os.environ | {'XLA_FLAGS': '--xla_backend_optimization_level=0'}
  return subprocess.run(command, capture_output=True, text=True, timeout=300, env=quickly)


def test_the_command_tells_a_wrong_number_from_a_right_one(tmp_path):
  right, wrong = tmp_path / 'right.npz', tmp_path / 'wrong.npz'
  recorded = recording.make_recording('poe', modality_set('m2', image_size=16), noisy=True)
  recorded = {name: recorded[name] for name in recorded if name not in PREDICTIONS}
  np.savez(right, **recorded)
  recorded['kl_step_scene'][1, 2] *= 1 + 1e-8
  np.savez(wrong, **recorded)
  done = run_parity(right, wrong)
  assert done.returncode == 1, done.stderr
  of_right, of_wrong = done.stdout.split('wrong.npz')
  assert 'FAILED' not in of_right
  failed = [line.split()[0] for line in of_wrong.splitlines() if 'FAILED' in line]
  assert failed == ['kl_step_scene']
  assert of_wrong.splitlines()[-1].startswith('2 recordings')
  assert '1 above' in of_wrong.splitlines()[-1]


@pytest.mark.parametrize(
  'content, said',
  [(None, 'no recording'), (b'not a zip', 'not a readable'), ('lacking', 'lacks dims')],
)
def test_a_file_that_is_no_recording_is_refused_in_one_sentence(tmp_path, content, said):
  path = tmp_path / 'golden.npz'
  if content == 'lacking':
    np.savez(path, meta='{}')
  elif content is not None:
    path.write_bytes(content)
  done = run_parity(path)
  assert done.returncode == 2
  assert said in done.stderr
  assert str(path) in done.stderr
  assert len(done.stderr.splitlines()) == 1
