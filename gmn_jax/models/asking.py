"""What a belief computes, compiled once for each model and shape, of fixed shapes.

Dims: K samples, Q queries, M modalities, T draw steps, h w latent grid, Z latent channels per step.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gmn_jax import inference
from gmn_jax.inference import Seen, active
from gmn_jax.model import GMN, Draw, Noise, gaussians
from gmn_jax.senses import Views
from gmn_jax.senses.query import QUERY_SIZE
from gmn_jax.training.run import Run

Array = jax.Array
# Queries are rendered one by one, or by so many: two programs serve any number.
_BLOCK = 16
# As many candidates of each kind are weighed at once.
_CANDIDATES = 40


def nothing(model: GMN) -> Seen:
  """What no view tells."""
  shape = (1, *model.grid, 4 * model.width)
  sums = tuple(jnp.zeros(shape) for _ in model.modalities)
  return Seen(sums, jnp.zeros((1, len(sums)), bool))


@functools.partial(jax.jit, static_argnums=0)
def add(model: GMN, params: Any, seen: Seen, views: Views, given_M: np.ndarray) -> Seen:
  """What was seen before and one more view, (1, 1, ...), of the modalities that are given."""
  more = inference.summarise(model, params, views, jnp.asarray(given_M)[None, None, :, None])
  return Seen(
    tuple(before + one for before, one in zip(seen.sums, more.sums, strict=True)),
    seen.any_NM | more.any_NM,
  )


@functools.partial(jax.jit, static_argnums=(0, 3))
def sample(model: GMN, params: Any, seen: Seen, samples: int, seed: int) -> Draw:
  """K samples of the belief; sample k is that of `inference.generate` for K scenes all alike."""
  noise = inference.noise_from(model, jax.random.key(seed), samples)
  return _believe(model, params, seen, noise, samples)


@functools.partial(jax.jit, static_argnums=0)
def mean_path(model: GMN, params: Any, seen: Seen) -> Draw:
  """The belief along the path without noise, one sample."""
  key = jax.random.key(0)
  return _believe(model, params, seen, inference.noise_from(model, key, 1, temperature=0.0), 1)


def render(
  model: GMN, params: Any, z_KThwZ: Array, modalities: tuple[int, ...], query_Q7: np.ndarray
) -> list[np.ndarray]:
  """What K samples show of some modalities at Q queries, (K, Q, *modality.shape) each."""
  blocks = [
    (_render(model, params, z_KThwZ, modalities, block), kept) for block, kept in _blocks(query_Q7)
  ]
  return [
    np.concatenate([np.asarray(means[i])[:, :kept] for means, kept in blocks], axis=1)
    for i in range(len(modalities))
  ]


def information(
  run: Run,
  seen: Seen,
  kinds: tuple[active.Kind, ...],
  queries: Sequence[np.ndarray],
  samples: int,
  seed: int,
) -> list[np.ndarray]:
  """What a view from each of the queries (Q, 7) of each kind is expected to tell, nats, (Q,).

  Args:
    run: the model; the noise is that of its likelihood.
    seen: what is known.
    kinds: of which modalities a view of each kind is.
    queries: of each kind one or more.
    samples: K.
    seed: decides them.
  """
  parts = len(run.model.modalities)
  nothing = (jnp.zeros((0, QUERY_SIZE)),) * parts
  std = (jnp.full(1, run.config.std),) * parts
  told, key = [], jax.random.key(seed)
  for start in range(0, max(map(len, queries)), _CANDIDATES):
    at = np.arange(start, start + _CANDIDATES)
    # Those beyond the last are the first again, so that shapes stay.
    blocks = tuple(jnp.asarray(q[np.where(at < len(q), at, 0)]) for q in queries)
    choice = active.Choice(blocks, nothing, std)
    told.append(
      active.weigh(run.model, active.GAUSSIAN, kinds, samples, run.params, seen, choice, key)
    )
  return [
    np.concatenate(of_kind)[: len(q)]
    for of_kind, q in zip(zip(*told, strict=True), queries, strict=True)
  ]


def entropy(draw: Draw) -> float:
  """The entropy of the latents, nats: the chain rule over the draw steps, averaged over samples."""
  each = 0.5 * (math.log(2 * math.pi * math.e) + draw.prior.logvar)
  return float(each.sum(axis=(1, 2, 3, 4)).mean())


def precision_shares(model: GMN, seen: Seen, draw: Draw) -> np.ndarray | None:
  """Each expert's part of the precision, (E,), averaged over the latents of a draw; None where the
  belief is no product of an expert for each modality. With an anchor they fall short of 1 by its
  part.
  """
  if model.variant.summed or model.pooling.combine is not gaussians.product:
    return None
  precision_TEhwZ = np.exp(-np.asarray(draw.prior_experts.logvar[0], np.float64))
  taking_part = model.pooling.taking_part(seen.any_NM.T)
  if taking_part is not None:
    precision_TEhwZ *= np.asarray(taking_part)[None, :, :, None, None]
  total_ThwZ = precision_TEhwZ.sum(axis=1)
  if model.pooling.anchored:
    total_ThwZ = np.exp(-np.asarray(draw.prior.logvar[0], np.float64))
  return (precision_TEhwZ / total_ThwZ[:, None]).mean(axis=(0, 2, 3, 4))


def _believe(model: GMN, params: Any, seen: Seen, noise: Noise, samples: int) -> Draw:
  many = jax.tree.map(lambda x: jnp.repeat(x, samples, axis=0), seen)
  return inference.sample_prior_given(model, params, many, noise)


@functools.partial(jax.jit, static_argnums=(0, 3))
def _render(
  model: GMN, params: Any, z_KThwZ: Array, modalities: tuple[int, ...], query_Q7: Array
) -> list[Array]:
  query_KQ7 = jnp.broadcast_to(query_Q7, (len(z_KThwZ), *query_Q7.shape))
  of_none = query_KQ7[:, :0]
  queries = [query_KQ7 if m in modalities else of_none for m in range(len(model.modalities))]
  means = inference.render(model, params, z_KThwZ, tuple(queries))
  return [means[m] for m in modalities]


def _blocks(query_Q7: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
  """Blocks of one size, the last one filled up, and how many of each count."""
  size = 1 if len(query_Q7) == 1 else _BLOCK
  for start in range(0, len(query_Q7), size):
    block = query_Q7[start : start + size]
    yield np.concatenate([block, np.repeat(block[:1], size - len(block), axis=0)]), len(block)
