"""Checkpoints of the authors' PyTorch code, to our parameters and back.

A state_dict of theirs, whatever its variant and modalities, holds the same numbers as our
parameters in other layouts: channels first, transposed kernels, heads apart, experts apart. A
`Link` names one tensor on both sides.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gmn_jax.authors.links import links_of
from gmn_jax.authors.weights import find_weights, unwrapped
from gmn_jax.model import APOE, BASELINE, GMN, POE, PRODUCT, parameter_shapes
from gmn_jax.senses.query import QUERY_SIZE
from gmn_jax.senses.rendering import PAPER
from mese_env.errors import UserError

Params = Mapping[str, Any]
_VARIANTS = (APOE, POE, BASELINE)
_NAMED = 6  # of the tensors that are wrong, as all of them may be


def from_authors(model: GMN, state_dict: Mapping[str, np.ndarray]) -> Params:
  """Our parameters from a state_dict of the authors' code.

  Args:
    model: the model that the state_dict belongs to: its variant, modalities and sizes.
    state_dict: arrays by name, with or without a prefix that all names share, as `module.`; or
      dictionaries that hold them. The dead `init_query` tensors may be there or not. The dtype is
      kept.

  Raises:
    UserError: tensors are missing, superfluous, or of another shape, whose first ones it names; or
      the authors' code has no such model.
  """
  _authors_own(model)
  links = list(links_of(model))
  known = {link.name for link in links} | set(_dead_shapes(model))
  state_dict = unwrapped(find_weights(state_dict, 'the state_dict'), known)
  wrong = [f'{link.name} {link.shape} is missing' for link in links if link.name not in state_dict]
  wrong += [
    f'{link.name} has shape {np.shape(state_dict[link.name])} instead of {link.shape}'
    for link in links
    if link.name in state_dict and np.shape(state_dict[link.name]) != link.shape
  ]
  wrong += [
    f'{name} {np.shape(state_dict[name])} is not part of the model'
    for name in state_dict
    if name not in known
  ]
  if wrong:
    more = f'; and {len(wrong) - _NAMED} more' if len(wrong) > _NAMED else ''
    raise UserError(
      f"this state_dict is not one of '{model.variant.name}' with the modalities "
      f'{[m.name for m in model.modalities]}; '
      f'check the variant, the modalities and the sizes: {"; ".join(wrong[:_NAMED])}{more}.'
    )
  ours = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), parameter_shapes(model))
  for link in links:
    theirs = np.asarray(state_dict[link.name])
    *parents, last = link.path
    folder = ours
    for part in parents:
      folder = folder[part]
    folder[last] = folder[last].astype(theirs.dtype)
    place = folder[last][link.index]
    folder[last][link.index] = theirs.reshape(link.split).transpose(link.axes).reshape(place.shape)
  return ours


def to_authors(model: GMN, params: Params) -> dict[str, np.ndarray]:
  """The authors' state_dict of our parameters (or of anything shaped like them, say gradients), in
  their order.

  Their dead `init_query` tensors are zeros.

  Raises:
    UserError: the authors' code has no such model.
  """
  _authors_own(model)
  dead = _dead_shapes(model)
  state_dict = {}
  for link in links_of(model):
    ours = params
    for part in link.path:
      ours = ours[part]
    ours = np.asarray(ours)[link.index].reshape([link.split[axis] for axis in link.axes])
    state_dict[link.name] = ours.transpose(np.argsort(link.axes)).reshape(link.shape)
    query = link.name.removesuffix('init_representation') + 'init_query'
    if query in dead:
      state_dict[query] = np.zeros(dead[query], ours.dtype)
  return state_dict


def _authors_own(model: GMN) -> None:
  """Refuses what the authors' code has not; what an absent modality does is no parameter of it."""
  lacking = {
    f"variant '{model.variant.name}'": model.variant not in _VARIANTS,
    f"pooling '{model.pooling.name}'": dataclasses.replace(model.pooling, mask_absent=False)
    != PRODUCT,
    'informed model': model.informed,
    f"renderer '{model.rendering.name}'": model.rendering != PAPER,
    'hierarchical model': model.hierarchical,
  }
  if which := [name for name, lacks in lacking.items() if lacks]:
    names = ', '.join(known.name for known in _VARIANTS)
    raise UserError(
      f"the authors' code has no {which[0]}; convert models of {names} only, with the pooling "
      f"'{PRODUCT.name}', neither informed nor hierarchical."
    )


def _dead_shapes(model: GMN) -> dict[str, tuple[int, ...]]:
  return {f'repnets.{m}.init_query': (1, QUERY_SIZE, 1, 1) for m in range(len(model.modalities))}
