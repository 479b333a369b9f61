"""Gradient accumulation: a batch computed in parts, one after the other, for its memory.

The loop over the parts is a scan. Its body is compiled once, and runs as fast as it would outside
also on a CPU, because no convolution in it has a gradient of XLA's own (`convolution.py`).

Dims: S episodes of a scene, B scenes, N = S B episodes (S-major), M modalities, T draw steps, K
parts.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gmn_jax.model.objective import Evidence
from gmn_jax.senses.batch import Episodes

Array = jax.Array


class Latents(NamedTuple):
  """What is reported of the latents, (T, N, h, w, Z) each."""

  z: Array
  prior_logvar: Array
  posterior_logvar: Array


def in_parts(
  value_and_gradient: Callable,
  count: int,
  scenes: dict[str, Array],
  episodes: Episodes,
  noise: tuple[Array, Array | None],
) -> tuple[tuple[Array, tuple[Evidence, Latents]], dict]:
  """What `value_and_gradient(scenes, episodes, noise)` returns, computed in `count` parts.

  Part k holds the scenes k, k + count, ...: some of each device where they are split over several.

  Args:
    value_and_gradient: returns (a mean over episodes, (their parts of the bound, their latents)),
      and the gradient of that mean.
    count: K; divides B.
    scenes: arrays (B, ...).
    episodes: of the scenes.
    noise: arrays with N as their second axis.
  """
  sets = len(episodes.context)

  def split(x: Array, axis: int) -> Array:  # B at `axis` to (K, ..., B / K, ...)
    x = x.reshape(*x.shape[:axis], x.shape[axis] // count, count, *x.shape[axis + 1 :])
    return jnp.moveaxis(x, axis + 1, 0)

  def split_episodes(x: Array) -> Array:  # (?, N, ...) to (K, ?, N / K, ...)
    parts = split(x.reshape(x.shape[0], sets, -1, *x.shape[2:]), axis=2)
    return parts.reshape(*parts.shape[:2], -1, *parts.shape[4:])

  def join(x: Array, axis: int) -> Array:  # (K, ..., N / K, ...) to N at `axis`, parts together
    x = jnp.moveaxis(x, 0, axis)
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])

  def add(total, part):
    (mean, measured), gradient = value_and_gradient(*part)
    return jax.tree.map(lambda t, x: t + x / count, total, (mean, gradient)), measured

  parts = (
    jax.tree.map(functools.partial(split, axis=0), scenes),
    jax.tree.map(functools.partial(split, axis=1), episodes),
    jax.tree.map(split_episodes, noise),
  )
  (mean, _), gradient = jax.eval_shape(value_and_gradient, *jax.tree.map(lambda x: x[0], parts))
  zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (mean, gradient))
  (mean, gradient), (evidence, latents) = jax.lax.scan(add, zeros, parts)
  evidence = Evidence(
    squared_error=join(evidence.squared_error, 0),
    kl=join(evidence.kl, 1),
    targets=join(evidence.targets, 0),
    representation_kl=join(evidence.representation_kl, 0),
  )
  latents = jax.tree.map(functools.partial(join, axis=1), latents)
  return (mean, (evidence, latents)), gradient
