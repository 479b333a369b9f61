"""Recordings like the authors', of narrow models, made by the NumPy reference."""

import json

import jax
import numpy as np

from gmn_jax import authors
from gmn_jax.model import GMN, VARIANTS, parameter_shapes
from gmn_jax.senses import IMAGE, Modality
from tests import numpy_reference, numpy_reference_inputs

WIDTH, STEPS, LATENT = 8, 3, 3
# Views of each scene and modality. Scene 1 lacks contexts; scene 2 lacks whole modalities, as do
# the context and the targets of others; modality 5 of 14 is nowhere a target.
CONTEXTS = {
  2: [[2, 3], [0, 1], [1, 0]],
  5: [[1, 2, 0, 1, 2], [0, 0, 0, 0, 1], [2, 1, 0, 1, 0]],
  8: [[1, 2, 0, 1, 2, 1, 2, 1], [0, 0, 0, 0, 0, 0, 1, 0], [1, 0, 2, 0, 1, 0, 0, 2]],
  14: [
    [1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [2, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1, 0, 2, 0],
  ],
}
TARGETS = {
  2: [[1, 2], [2, 1], [1, 0]],
  5: [[1, 1, 1, 0, 1], [1, 0, 1, 2, 1], [1, 0, 0, 1, 0]],
  8: [[1, 1, 1, 0, 1, 2, 1, 1], [1, 0, 1, 0, 0, 1, 1, 2], [1, 0, 1, 0, 1, 0, 0, 1]],
  14: [
    [1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2],
    [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0],
    [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0],
  ],
}


def make_recording(variant: str, modalities: tuple[Modality, ...], noisy: bool) -> dict:
  """What the authors' code would have recorded, but for gradients: all of `forward`, `generate`."""
  model, scenes = GMN(modalities, VARIANTS[variant], width=WIDTH, steps=STEPS, latent=LATENT), 3
  dims = [
    (m.shape[2], *m.shape[:2], 7, 'image') if m.sense is IMAGE else (m.size, 1, 1, 7, 'haptic')
    for m in modalities
  ]
  zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape), parameter_shapes(model))
  shapes = {name: array.shape for name, array in authors.to_authors(model, zeros).items()}
  weights = numpy_reference_inputs.make_weights(shapes)
  M = len(modalities)
  batch = numpy_reference_inputs.make_batch(M, dims, CONTEXTS[M], TARGETS[M])
  noise = [
    np.random.default_rng(seed + M).standard_normal((STEPS, scenes, LATENT, *model.grid)) * noisy
    for seed in (2000, 3000)
  ]
  meta = {'variant': variant, 'num_steps': STEPS, 'nz': LATENT, 'mode': 'eps' if noisy else 'zero'}
  return {
    'meta': np.array(json.dumps(meta)),
    'dims': np.array(json.dumps(dims)),
    'param_names': np.array(list(shapes)),
    'param_shapes': np.array([json.dumps(shape) for shape in shapes.values()]),
    'param_sum': np.array([weight.sum() for weight in weights.values()]),
    **batch,
    **numpy_reference.forward(variant, weights, batch, noise[0]),
    **numpy_reference.generate(variant, weights, batch, noise[1]),
  }
