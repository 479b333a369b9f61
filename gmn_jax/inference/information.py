"""How much a view is expected to tell, by how much samples of the belief disagree about it.

Dims: K samples, D numbers of a view, Q candidates.
"""

import jax
import jax.numpy as jnp

from gmn_jax.layers.arrays import takes_numpy

Array = jax.Array


@takes_numpy
def information(predicted_KQD: Array, std: float) -> Array:
  """What each of Q views is expected to tell of the scene, nats, (Q,): the mutual information of a
  view and the latents, were the view's distribution over the samples a Gaussian.

  It is 1/2 log det(I + F F^T / (K s^2)), F (K, D) the predictions less their mean.

  Args:
    predicted_KQD: the means of the views, from K samples of the latents.
    std: s, of the noise of every number.
  """
  samples = len(predicted_KQD)
  centred_KQD = predicted_KQD - predicted_KQD.mean(axis=0)
  gram_QKK = jnp.einsum('kqd,jqd->qkj', centred_KQD, centred_KQD)
  return 0.5 * jnp.linalg.slogdet(jnp.eye(samples) + gram_QKK / (samples * std**2))[1]
