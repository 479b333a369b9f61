"""Queries: the poses from which a scene is sensed, as the model takes them."""

import jax
import jax.numpy as jnp
import numpy as np

# x y z cos(pitch) sin(pitch) cos(yaw) sin(yaw).
QUERY_SIZE = 7


def embed_query(pose: jax.Array | np.ndarray) -> jax.Array:
  """Pose (x, y, z, pitch, yaw), metres and radians, (..., 5), to its embedding, (..., 7)."""
  pitch, yaw = pose[..., 3], pose[..., 4]
  angles = [jnp.cos(pitch), jnp.sin(pitch), jnp.cos(yaw), jnp.sin(yaw)]
  return jnp.concatenate([pose[..., :3], jnp.stack(angles, axis=-1)], axis=-1)
