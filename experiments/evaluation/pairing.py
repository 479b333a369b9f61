"""The density of every target given every context of a draw of scenes (paper Eq. 6).

Dims: B scenes, S kinds and sizes of context, P parts of a scene's views held out, M modalities, V
views, N = P B B of every target with every context.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from experiments.evaluation.contexts import context_mask
from experiments.evaluation.estimators import Estimator
from gmn_jax import inference
from gmn_jax.inference import Likelihood
from gmn_jax.model import GMN
from gmn_jax.senses import Ranges, Sense, Views, cut_scenes

Array = jax.Array


class Pairing(NamedTuple):
  """What contexts and targets are.

  Attributes:
    given: S contexts, each how many views of each modality, the first ones.
    sense: whose modalities' views are assigned.
    held_out: how many of their views, the last ones.
    together: how many of these are assigned at once; divides `held_out` into the P parts.
    likelihood: the scale on which their density is measured.
  """

  given: tuple[tuple[int, ...], ...]
  sense: Sense
  held_out: int
  together: int
  likelihood: Likelihood


def estimate_pairs(
  params: Any,
  raw: Mapping[str, Array],
  ranges: Ranges,
  key: Array,
  *,
  model: GMN,
  pairing: Pairing,
  estimator: Estimator,
  chunk: int,
) -> dict[str, Array]:
  """Estimates log p(x | v, C) of every target given every scene's context; what
  `Estimator.estimate` yields, (S, P, B, B): by the scene of the target, then that of the context.

  The views are encoded once; the posterior of a pair sees that context and that target.

  Args:
    params: the model's.
    raw: B scenes as `cut_scenes` takes them.
    ranges: of the training split.
    key: decides the samples.
    model: the network.
    pairing: what is given and assigned.
    estimator: what estimates.
    chunk: how many of its samples at once.
  """
  views = cut_scenes(model.modalities, raw, ranges)
  batch, count = views.queries[0].shape[:2]
  parts = pairing.held_out // pairing.together
  masks = [context_mask(counts, batch, count) for counts in pairing.given]
  asked_M1 = jnp.array([[m.sense == pairing.sense] for m in model.modalities])
  part_V = (jnp.arange(count) - (count - pairing.held_out)) // pairing.together
  masks += [jnp.broadcast_to(asked_M1 & (part_V == p), masks[0].shape) for p in range(parts)]
  sets = inference.summarise(model, params, views, jnp.stack(masks))
  contexts_SB = sets.pick(slice(len(pairing.given) * batch))
  targets_PB = sets.pick(slice(len(pairing.given) * batch, None))
  target_N = jnp.repeat(jnp.arange(parts * batch), batch)
  context_N = jnp.tile(jnp.arange(batch), parts * batch)
  target = targets_PB.pick(target_N)
  truth = jax.tree.map(lambda x: x[target_N], _parts_of(model, views, pairing))

  def estimate_context(context_and_key: tuple[inference.Seen, Array]) -> dict[str, Array]:
    context_B, key = context_and_key
    posed = inference.Posed(context_B.pick(context_N), target, truth)
    return estimator.estimate(model, params, posed, (pairing.likelihood,), key, chunk)

  contexts = jax.tree.map(lambda x: x.reshape(len(pairing.given), batch, *x.shape[1:]), contexts_SB)
  keys = jax.random.split(key, len(pairing.given))
  estimated = jax.lax.map(estimate_context, (contexts, keys))
  return jax.tree.map(lambda x: x.reshape(-1, parts, batch, batch), estimated)


def _parts_of(model: GMN, views: Views, pairing: Pairing) -> Views:
  """The views of the targets, (P B, together, ...), parts leading; none of other modalities."""

  def split(part: tuple[Array, ...]) -> tuple[Array, ...]:
    held_out = []
    for m, x in zip(model.modalities, part, strict=True):
      last = x[:, x.shape[1] - pairing.held_out :]
      last = last.reshape(len(x), -1, pairing.together, *x.shape[2:]).swapaxes(0, 1)
      last = last.reshape(-1, *last.shape[2:])
      held_out.append(last if m.sense == pairing.sense else last[:, :0])
    return tuple(held_out)

  return Views(split(views.senses), split(views.queries))
