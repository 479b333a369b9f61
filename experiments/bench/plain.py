"""The loss in the authors' form, to be timed against the model's: every step convolves everything.

Same parameters, same layers, same result to rounding, and none of the savings: each episode encodes
its own views, each draw step convolves its whole input, mean and log-variance have convolutions of
their own, every step decodes to pixels and haptic numbers, and all convolutions are direct. It is
for models without `hierarchical`, whose absent modalities still have a say, and with `direct`.

Dims: S episodes of a scene, B scenes, N = S B episodes, M modalities, V views, E experts, T draw
steps, h w latent grid, R representation channels, Z latent channels per step, L hidden channels.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gmn_jax.layers.convolution import double
from gmn_jax.layers.direct import convolve
from gmn_jax.layers.lstm import lstm_cell
from gmn_jax.model import GMN, Draw, Episodes, Gaussian, Noise, gaussians
from gmn_jax.model.objective import terms_of
from gmn_jax.senses import HAPTIC, Modality, Views

Array = jax.Array


def loss(model: GMN, params, views: Views, episodes: Episodes, noise: Noise, std: float) -> Array:
  """What `gmn_jax.model.objective` gives for the same arguments."""
  per_episode = []
  for s in range(len(episodes.context)):
    # The barrier keeps XLA from noticing that the episodes' views are the same.
    own = jax.lax.optimization_barrier((views, jnp.float32(s)))[0]
    encoded = model.apply({'params': params}, own, method='encode')
    per_episode.append(
      [
        model.apply({'params': params}, encoded, mask[s : s + 1], method='represent')
        for mask in (episodes.context, episodes.target)
      ]
    )
  context, target = (jnp.concatenate(part, axis=1) for part in zip(*per_episode, strict=True))
  context, target = (model.variant.feed(r, None) for r in (context, target))
  draw = _sample_posterior(model, params['experts'], context, target, noise.latents)
  latents = jnp.moveaxis(draw.z, 1, 3).reshape(len(draw.z), *draw.z.shape[2:4], -1)
  latents = latents.reshape(*episodes.target.shape[:2], *latents.shape[1:])  # S B h w TZ
  means = []
  for m, modality in enumerate(model.modalities):
    view_of_SBV = episodes.target[:, :, m].astype(jnp.float32)
    z_BVhwZ = jnp.einsum('sbv,sbhwz->bvhwz', view_of_SBV, latents)
    means.append(
      _render(model, modality, params[f'renderers_{modality.name}'], z_BVhwZ, views.queries[m])
    )
  return terms_of(views, episodes, draw, tuple(means)).loss(std)


def _sample_posterior(
  model: GMN, params, context: Array, target: Array, noise_NThwZ: Array
) -> Draw:
  L, experts = model.width, context.shape[0]
  shape = (*context.shape[:-1], L)
  id_E = (
    jnp.eye(experts)[:, None, None, None] if model.variant.identify else jnp.zeros((1,) * 4 + (0,))
  )
  id_E = jnp.broadcast_to(id_E, (*context.shape[:-1], id_E.shape[-1]))

  def lift(name: str, x: Array, outputs=slice(None)) -> Array:
    kernel, bias = params[f'{name}_kernel'][..., outputs], params[f'{name}_bias'][..., outputs]
    if len(kernel) == 1:
      return convolve(x.reshape(-1, *x.shape[2:]), kernel[0]).reshape(*x.shape[:-1], -1) + bias[0]
    return jnp.stack([convolve(x[e], kernel[e]) + bias[e] for e in range(experts)])

  def believe(name: str, hidden: Array) -> tuple[Gaussian, Gaussian]:
    own = Gaussian(
      lift(name, hidden, slice(None, model.latent)), lift(name, hidden, slice(model.latent, None))
    )
    return model.pooling.believe(own), own

  def update_prior(z: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
    z_E = jnp.broadcast_to(z, (experts, *z.shape))
    inputs = jnp.concatenate([z_E, context, id_E, hidden], axis=-1)
    return lstm_cell(lift('prior_gates', inputs), cell)

  def step(carry, noise):
    prior_hidden, prior_cell, hidden, cell = carry
    inputs = jnp.concatenate([target, context, id_E, prior_hidden, hidden], axis=-1)
    hidden, cell = lstm_cell(lift('posterior_gates', inputs), cell)
    posterior, posteriors = believe('posterior_heads', hidden)
    prior, priors = believe('prior_heads', prior_hidden)
    z = gaussians.sample(*posterior, noise)
    prior_hidden, prior_cell = update_prior(z, prior_hidden, prior_cell)
    carry = prior_hidden, prior_cell, hidden, cell
    return carry, Draw(z, prior, priors, posterior, posteriors)

  zeros = jnp.zeros(shape)
  of_prior = zeros, zeros
  if model.informed:
    of_prior = update_prior(jnp.zeros_like(noise_NThwZ[:, 0]), *of_prior)
  _, draws = jax.lax.scan(step, (*of_prior, zeros, zeros), noise_NThwZ.swapaxes(0, 1))
  z, prior, posterior = jax.tree.map(
    lambda x: x.swapaxes(0, 1), (draws.z, draws.prior, draws.posterior)
  )
  return Draw(z, prior, None, posterior, representation_kl=jnp.zeros(context.shape[1]))


def _render(model: GMN, modality: Modality, params, z_BVhwZ: Array, query_BVQ: Array) -> Array:
  batch, views, height, width = z_BVhwZ.shape[:4]
  query = jnp.broadcast_to(
    query_BVQ[:, :, None, None], (batch, views, height, width, query_BVQ.shape[-1])
  )
  constant = jnp.concatenate([z_BVhwZ, query], axis=-1).reshape(batch * views, height, width, -1)

  def affine(name: str, x: Array) -> Array:
    return x @ params[name]['kernel'] + params[name]['bias']

  def decode(hidden: Array) -> Array:
    if modality.sense is HAPTIC:
      x = nn.relu(affine('first', hidden.reshape(len(hidden), -1)))
      return affine('last', nn.relu(affine('second', x)))
    x = nn.relu(convolve(hidden, params['decode_kernel']) + params['decode_bias'])
    x = nn.relu(double(x, params['enlarge_kernel']) + params['enlarge_bias'])
    return double(x, params['last']['kernel']) + params['last']['bias']

  def step(carry, _):
    hidden, cell, mean = carry
    inputs = jnp.concatenate([constant, hidden], axis=-1)
    gates = convolve(inputs, params['gates_kernel']) + params['gates_bias']
    hidden, cell = lstm_cell(gates, cell)
    return (hidden, cell, mean + decode(hidden)), None

  zeros = jnp.zeros((*constant.shape[:-1], model.width))
  mean = jnp.zeros((len(constant), *modality.shape))
  (_, _, mean), _ = jax.lax.scan(step, (zeros, zeros, mean), length=model.steps)
  return mean.reshape(batch, views, *modality.shape)
