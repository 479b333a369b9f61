"""Gradient accumulation: a batch computed in parts, one after the other, for its memory.

The loop over the parts is a scan. Its body is compiled once, and runs as fast as it would outside
also on a CPU, because no convolution in it has a gradient of XLA's own (`convolution.py`).

Dims: S episodes of a scene, B scenes, N = S B episodes (S-major), M modalities, T draw steps, K
parts.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.model import ElboTerms, Episodes, Noise

Array = jax.Array


class Latents(NamedTuple):
  """What is reported of the latents, (N, T, h, w, Z) each."""

  z: Array
  prior_logvar: Array
  posterior_logvar: Array


def in_parts(
  value_and_gradient: Callable,
  count: int,
  of_scenes: Any,
  episodes: Episodes,
  noise: Noise,
) -> tuple[tuple[Array, tuple[ElboTerms, Latents]], dict]:
  """What `value_and_gradient(of_scenes, episodes, noise)` returns, computed in `count` parts.

  Part k holds the scenes k, k + count, ...: some of each device where they are split over several.

  Args:
    value_and_gradient: returns (a mean over episodes, (their terms of the ELBO, their latents)),
      and the gradient of that mean.
    count: K; divides B.
    of_scenes: a tree of arrays (B, ...): the scenes, and what else belongs to each.
    episodes: of the scenes.
    noise: of the episodes.
  """
  sets = len(episodes.context)

  def split(x: Array, axis: int) -> Array:  # B at `axis` to (K, ..., B / K, ...)
    x = x.reshape(*x.shape[:axis], x.shape[axis] // count, count, *x.shape[axis + 1 :])
    return jnp.moveaxis(x, axis + 1, 0)

  def split_episodes(x: Array) -> Array:  # (N, ...) to (K, N / K, ...)
    parts = split(x.reshape(sets, -1, *x.shape[1:]), axis=1)
    return parts.reshape(count, -1, *x.shape[1:])

  def join(x: Array) -> Array:  # (K, N / K, ...) to (N, ...), parts together
    return x.reshape(-1, *x.shape[2:])

  def add(total, part):
    (mean, measured), gradient = value_and_gradient(*part)
    return jax.tree.map(lambda t, x: t + x / count, total, (mean, gradient)), measured

  parts = (
    jax.tree.map(functools.partial(split, axis=0), of_scenes),
    jax.tree.map(functools.partial(split, axis=1), episodes),
    jax.tree.map(split_episodes, noise),
  )
  (mean, _), gradient = jax.eval_shape(value_and_gradient, *jax.tree.map(lambda x: x[0], parts))
  zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (mean, gradient))
  (mean, gradient), measured = jax.lax.scan(add, zeros, parts)
  return (mean, jax.tree.map(join, measured)), gradient
