"""Finds a model's weights in what was saved with them, whatever was wrapped around them."""

import os
import pathlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from gmn_jax.authors import torch_file
from gmn_jax.authors.torch_file import SAVE_WEIGHTS, Inert
from mese_env.errors import UserError

# Under which names training scripts keep the weights that are to be taken, where there are several.
_WEIGHTS = ('state_dict', 'model', 'model_state_dict')


def read_state_dict(path: os.PathLike | str) -> dict[str, np.ndarray]:
  """Arrays by name from a file that `torch.save` wrote; PyTorch is not needed.

  The file may hold a state_dict, or a whole model, or either somewhere in dictionaries, beside
  settings and optimisers. Nothing that is pickled in it is run.

  Raises:
    UserError: there is no such file, it is damaged, or of another kind; or it holds no weights by
      name, or those of several models.
  """
  path = pathlib.Path(path)
  weights = find_weights(torch_file.read(path), str(path))
  with torch_file.refusing_damage(path):
    return {name: tensor.array() for name, tensor in weights.items()}


def find_weights(stored: Any, where: str) -> dict[str, Any]:
  """The tensors by name that are stored together in the largest number.

  Args:
    stored: dictionaries and lists, however deep, with tensors in them.
    where: they are from, for the message.

  Raises:
    UserError: no tensor has a name, or several places have as many.
  """
  found = dict(_places(stored, '', set()))
  if not found:
    what = _described(stored)
    raise UserError(f'{where} holds {what} and no weights by name; {SAVE_WEIGHTS}.')
  most = max(map(len, found.values()))
  largest = {place: weights for place, weights in found.items() if len(weights) == most}
  usual = [place for place in largest if place.rpartition('.')[2] in _WEIGHTS]
  if len(largest) == 1 or len(usual) == 1:
    return largest[usual[0]] if len(usual) == 1 else next(iter(largest.values()))
  raise UserError(
    f'{where} holds {len(largest)} sets of {most} weights ({", ".join(list(largest)[:4])}); save '
    "the one you want alone, as in torch.save(stored['model'], 'weights.pt')."
  )


def unwrapped(weights: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
  """The weights without what stands before all of their names, as in `module.`, and is not known.

  Args:
    weights: by name.
    known: names of the model.
  """
  roots = {name.partition('.')[0] for name in known}
  while weights:
    first = {name.partition('.')[0] for name in weights}
    if len(first) > 1 or first <= roots or any('.' not in name for name in weights):
      break
    weights = {name.partition('.')[2]: weight for name, weight in weights.items()}
  return dict(weights)


def _places(node: Any, place: str, seen: set[int]) -> Iterator[tuple[str, dict[str, Any]]]:
  """Every place that holds tensors by name, and those tensors; each object once."""
  if id(node) in seen or isinstance(node, str | bytes):
    return
  seen.add(id(node))
  if _is_module(node):
    if weights := dict(_of_module(node, '')):
      yield place, weights
    return
  if isinstance(node, Mapping):
    weights = {
      name: value for name, value in node.items() if isinstance(name, str) and _is_tensor(value)
    }
    if weights:
      yield place, weights
  for name, child in _children(node):
    yield from _places(child, f'{place}.{name}' if place else str(name), seen)


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
  if isinstance(node, Mapping):
    yield from node.items()
  if isinstance(node, Inert):
    yield from node.attributes.items()
  if isinstance(node, list | tuple):
    yield from enumerate(node)


def _is_tensor(value: Any) -> bool:
  return hasattr(value, 'shape')


def _is_module(node: Any) -> bool:
  return isinstance(node, Inert) and {'_parameters', '_modules'} <= node.attributes.keys()


def _of_module(module: Inert, prefix: str) -> Iterator[tuple[str, Any]]:
  """Parameters and buffers of a pickled module, by the names of its state_dict."""
  for kind in ('_parameters', '_buffers'):
    for name, value in module.attributes.get(kind, {}).items():
      if _is_tensor(value):
        yield prefix + name, value
  for name, child in module.attributes['_modules'].items():
    if _is_module(child):
      yield from _of_module(child, f'{prefix}{name}.')


def _described(stored: Any) -> str:
  if isinstance(stored, Mapping) and stored:
    return f'a dictionary of {", ".join(map(str, list(stored)[:5]))}'
  if isinstance(stored, list | tuple):
    return f'a list of {len(stored)}'
  return 'one tensor' if _is_tensor(stored) else 'a single value'
