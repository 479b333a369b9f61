"""The model as pure functions: parameters, keys and arrays in, arrays out."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from gmn_jax.layers.arrays import takes_numpy
from gmn_jax.model.draw import Noise
from gmn_jax.model.episodes import Episodes
from gmn_jax.model.gmn import GMN
from gmn_jax.senses.query import QUERY_SIZE
from gmn_jax.senses.views import Views

Array = jax.Array


@takes_numpy
def apply(model: GMN, params: Any, *inputs: Any, method: str | None = None) -> Any:
  """What a method of the model, by default the call itself, makes of some inputs.

  Flax types `Module.apply` as if variables might come back too; here none ever change.
  """
  named: dict[str, Any] = {} if method is None else {'method': method}
  return model.apply({'params': params}, *inputs, **named)


@takes_numpy
def sample_noise(model: GMN, key: Array, episodes: int) -> Noise:
  """Standard normal numbers for everything latent in N episodes."""
  key_latents, key_representations = jax.random.split(key)

  def sample(key: Array, shape: tuple[int, ...]) -> Array:
    # The numbers follow the loop's order, so that a seed means what it always has.
    episodes, sets, *rest = shape
    return jax.random.normal(key, (sets, episodes, *rest)).swapaxes(0, 1)

  latents = sample(key_latents, model.latents_shape(episodes))
  if not model.hierarchical:
    return Noise(latents)
  return Noise(latents, sample(key_representations, model.representations_shape(episodes)))


@takes_numpy
def init_params(model: GMN, key: Array) -> Any:
  """Samples a model's parameters, float32: PyTorch 0.4's ranges, and zeros for the initial
  representations.
  """
  views = Views(
    tuple(jnp.zeros((1, 1, *m.shape)) for m in model.modalities),
    tuple(jnp.zeros((1, 1, QUERY_SIZE)) for _ in model.modalities),
  )
  mask = jnp.ones((1, 1, len(model.modalities), 1), bool)
  noise = Noise(jnp.zeros(model.latents_shape(1)), jnp.zeros(model.representations_shape(1)))
  return model.init(key, views, Episodes(mask, mask), noise)['params']


def parameter_shapes(model: GMN) -> Any:
  """The shapes and dtypes of a model's parameters, without computing them."""
  return jax.eval_shape(functools.partial(init_params, model), jax.random.key(0))
