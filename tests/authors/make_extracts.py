"""Writes the small extracts of the recordings that the tests and `python -m gmn_jax.parity` use.

  python tests/authors/make_extracts.py FOLDER

reads the `golden_*.npz` of FOLDER, recordings of the authors' implementation (commit 646404d, torch
2.13.0, float64), and writes into `gmn_jax/authors/data/` what is small and cannot be rebuilt:
scalars, KL per step, gradient norms, sums and first elements, log-probabilities and the training
trace. Weights, inputs and noise follow from rules (`gmn_jax/authors/recordings.py`).
"""

import pathlib
import sys

import numpy as np

from gmn_jax.authors import parity

_WHAT_WAS_RUN = (
  'meta', 'dims', 'param_names', 'param_shapes', 'param_sum', 'num_params', 'ctx_n', 'tgt_n'
)  # fmt: skip
_WHAT_CAME_OUT = (
  'loss', 'likelihood', 'kl', 'mod_likelihoods', 'kl_step_scene', 'loss_per_scene', 'grad_norm',
  'grad_sum', 'grad_first4', 'grad_global_norm', 'predict_logprob_unit', 'predict_logprob_uint8',
  'predict_logprob_gray_unit', 'predict_logprob_gray_uint8', 'train3_loss', 'train3_grad_norm',
)  # fmt: skip


if __name__ == '__main__':
  for path in sorted(pathlib.Path(sys.argv[1]).glob('golden_*.npz')):
    with np.load(path) as recorded:
      kept = {name: recorded[name] for name in _WHAT_WAS_RUN + _WHAT_CAME_OUT if name in recorded}
    np.savez_compressed(parity.EXTRACTS / path.name, **kept)
