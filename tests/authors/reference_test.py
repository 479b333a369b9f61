"""Our model equals the authors' forward pass in NumPy, for more modalities than are recorded."""

import jax
import numpy as np
import pytest

from gmn_jax import inference
from gmn_jax.authors import parity
from gmn_jax.authors import recordings as goldens
from gmn_jax.model import objective
from gmn_jax.senses import IMAGE
from gmn_jax.senses.sets import modality_set
from tests import recording


def write_and_read(path, variant, name, image_size):
  recorded = recording.make_recording(variant, modality_set(name, image_size), noisy=True)
  np.savez(path, **recorded)
  return goldens.read_golden(path)


@pytest.mark.long
@pytest.mark.parametrize(
  'name, image_size, variant',
  [('m5', 16, 'baseline'), ('m5', 16, 'poe'), ('m5', 16, 'apoe'), ('m14', 32, 'apoe')],
)
def test_inference_and_generation_equal_the_reference(name, image_size, variant, tmp_path, x64):
  golden = write_and_read(tmp_path / 'recording.npz', variant, name, image_size)
  model, episodes = golden.model, golden.episodes

  @jax.jit
  def run(params, views, queries, noise, generate_noise):
    draw, means = model.apply({'params': params}, views, episodes, noise)
    parts = objective.terms_of(views, episodes, draw, means)
    context = episodes.context[0]
    return (
      draw,
      means,
      parts,
      inference.generate(model, params, views, context, queries, generate_noise),
    )

  outputs = run(golden.params, golden.views, golden.queries, golden.noise, golden.generate_noise)
  draw, means, parts, (z, generated) = jax.tree.map(np.asarray, outputs)
  ours = {
    'z': draw.z.transpose(0, 1, 4, 2, 3),
    'gen_z': z.transpose(0, 1, 4, 2, 3),
    'kl_step_scene': parts.kl.T,
  }
  for side, belief, experts in (
    ('post', draw.posterior, draw.posterior_experts), ('prior', draw.prior, draw.prior_experts)
  ):  # fmt: skip
    for moment in ('mean', 'logvar'):
      ours[f'{side}_{moment}'] = getattr(belief, moment).transpose(1, 0, 4, 2, 3)
      for t, step_NEhwZ in enumerate(getattr(experts, moment).swapaxes(0, 1)):
        ours[f'expert_{side}_{moment}_step{t}'] = step_NEhwZ.transpose(0, 1, 4, 2, 3)
  for m, modality in enumerate(model.modalities):
    first = (0, 3, 1, 2) if modality.sense is IMAGE else (0, 1)
    ours[f'recon_{m}'] = means[m][episodes.target[0, :, m]].transpose(first)
    ours[f'gen_{m}'] = generated[m][:, 0].transpose(first)
  for quantity, values in ours.items():
    expected = golden.recorded[quantity]
    largest = np.abs(expected).max(initial=0)
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12 * largest, err_msg=quantity)


@pytest.mark.slow
@pytest.mark.parametrize('variant', ['baseline', 'poe', 'apoe'])
@pytest.mark.parametrize('name', ['m8', 'm14'])
def test_parity_compares_recordings_of_any_modalities(name, variant, tmp_path, x64):
  golden = write_and_read(tmp_path / 'recording.npz', variant, name, image_size=32)
  errors = {quantity: error for quantity, error, _ in parity.compare(golden)}
  images = {f'{kind}_{m}' for kind in ('recon', 'gen') for m in range(len(golden.model.modalities))}
  assert set(errors) >= images | {'loss', 'kl_step_scene', 'predict_logprob_uint8', 'post_logvar'}
  assert max(errors.values()) <= 1e-11, errors
