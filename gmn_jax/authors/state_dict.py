"""Checkpoints of the authors' PyTorch code, to our parameters and back.

A state_dict of theirs, whatever its variant and modalities, holds the same numbers as our
parameters in other layouts: channels first, transposed kernels, heads apart, experts apart. Each
`_Link` names one tensor on both sides.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from gmn_jax.authors.weights import find_weights, unwrapped
from gmn_jax.model import APOE, BASELINE, GMN, POE, PRODUCT, parameter_shapes
from gmn_jax.senses import HAPTIC, IMAGE, Modality, Sense
from gmn_jax.senses.query import QUERY_SIZE
from mese_env.errors import UserError

Params = Mapping[str, Any]
_VARIANTS = (APOE, POE, BASELINE)
_NAMED = 6  # of the tensors that are wrong, as all of them may be


@dataclasses.dataclass(frozen=True)
class _Link:
  """One tensor of theirs and where it lies in ours.

  Ours is theirs, reshaped to `split`, its axes permuted by `axes`, reshaped to ours[path][index].
  """

  name: str
  shape: tuple[int, ...]
  path: tuple[str, ...]
  split: tuple[int, ...]
  axes: tuple[int, ...]
  index: tuple = ()


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
  links = list(_links(model))
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
  dead = _dead_shapes(model)
  state_dict = {}
  for link in _links(model):
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


def _links(model: GMN) -> Iterator[_Link]:
  _authors_own(model)
  yield from _expert_links(model)
  for m, modality in enumerate(model.modalities):
    yield from _renderer_links(model, f'convdraw.renderers.{m}.', modality)
  for m, modality in enumerate(model.modalities):
    yield from _encoder_links(model, f'repnets.{m}.', modality)


def _expert_links(model: GMN) -> Iterator[_Link]:
  count, variant = len(model.modalities), model.variant
  wide = 4 * model.width
  one_hot = variant.one_hot(count)
  heads = [('mean_fn', slice(0, model.latent)), ('logvar_fn', slice(model.latent, None))]
  for side, gates, reparam, inputs in (
    ('posterior', 'rnn', 'reparam', 2 * wide + one_hot + 2 * model.width),
    ('prior', 'rnn_p', 'reparam_p', model.latent + wide + one_hot + model.width),
  ):
    letter = 'q' if side == 'posterior' else 'p'
    for expert in range(1 if variant.shared else count):
      which = '' if variant.shared else f's.{expert}'
      prefix = f'convdraw.rnn_{letter}{which}.rnns.0.'
      parts = [(gates + '.gates', 'gates', inputs, 4 * model.width, slice(None))]
      parts += [
        (f'{reparam}.{head}', 'heads', model.width, model.latent, span) for head, span in heads
      ]
      for name, ours, size_in, size_out, span in parts:
        # The amortised experts are Conv3d with a kernel of depth one.
        shape = (size_out, size_in, *((1,) if variant.identify else ()), 5, 5)
        yield _Link(
          f'{prefix}{name}.weight', shape, ('experts', f'{side}_{ours}_kernel'),
          (size_out, size_in, 5, 5),
          (2, 3, 1, 0), (expert, ..., span),
        )  # fmt: skip
        yield _Link(
          f'{prefix}{name}.bias',
          (size_out,),
          ('experts', f'{side}_{ours}_bias'),
          (size_out,),
          (0,),
          (expert, span),
        )


def _renderer_links(model: GMN, prefix: str, modality: Modality) -> Iterator[_Link]:
  ours, width = f'renderers_{modality.name}', model.width
  inputs = model.steps * model.latent + QUERY_SIZE + width
  yield from _convolution(prefix + 'rnn_p.gates', (4 * width, inputs, 5, 5), (ours, 'gates'))
  yield from _of_sense(modality).decoder(model, prefix + 'decoder.', ours, modality)


def _image_decoder_links(model: GMN, prefix: str, ours: str, modality: Modality) -> Iterator[_Link]:
  width, channels = model.width, modality.shape[-1]
  yield from _convolution(prefix + 'decode', (width // 2, width, 5, 5), (ours, 'decode'))
  yield from _convolution(
    prefix + 'convt', (width // 2, width, 4, 4), (ours, 'enlarge'), transposed=True
  )
  yield from _convolution(
    prefix + 'convt2', (width, channels, 4, 4), (ours, 'last', ''), transposed=True
  )


def _haptic_decoder_links(
  model: GMN, prefix: str, ours: str, modality: Modality
) -> Iterator[_Link]:
  width, hidden, (h, w) = model.width, 8 * model.width, model.grid
  # Theirs flattens channels first, ours channels last.
  yield _Link(
    prefix + 'fc1.weight', (hidden, width * h * w), (ours, 'first', 'kernel'),
    (hidden, width, h, w), (2, 3, 1, 0),
  )  # fmt: skip
  yield _Link(prefix + 'fc1.bias', (hidden,), (ours, 'first', 'bias'), (hidden,), (0,))
  yield from _dense(prefix + 'fc2', (hidden, hidden), (ours, 'second', ''))
  yield from _dense(prefix + 'fc3', (modality.size, hidden), (ours, 'last', ''))


def _encoder_links(model: GMN, prefix: str, modality: Modality) -> Iterator[_Link]:
  wide, (h, w) = 4 * model.width, model.grid
  theirs = _of_sense(modality)
  initial = (1, wide, h, w) if theirs.spatial else (1, wide * h * w, 1, 1)
  yield _Link(
    prefix + 'init_representation', initial, (f'initial_{modality.name}',), (wide, h, w), (1, 2, 0)
  )
  yield from theirs.encoder(model, prefix + 'repnet.', f'encoders_{modality.name}', modality)


def _image_encoder_links(model: GMN, net: str, ours: str, modality: Modality) -> Iterator[_Link]:
  wide = 4 * model.width
  yield from _convolution(
    net + 'img_enc.0', (wide, modality.shape[-1], 2, 2), (ours, 'HalvingConv_0', '')
  )
  yield from _residual(net + 'img_enc.2', (wide // 2, wide), (ours, 'ResidualConv_0'), 3)
  yield from _convolution(net + 'img_enc.4', (wide, wide // 2, 2, 2), (ours, 'HalvingConv_1', ''))
  yield from _residual(net + 'enc.0', (wide // 2, wide + QUERY_SIZE), (ours, 'ResidualConv_1'), 3)
  yield from _convolution(net + 'enc.2', (wide, wide // 2, 3, 3), (ours, 'Conv_0', ''))
  yield from _convolution(net + 'enc.4', (wide, wide, 3, 3), (ours, 'Conv_1', ''))


def _haptic_encoder_links(model: GMN, net: str, ours: str, modality: Modality) -> Iterator[_Link]:
  wide, hidden, (h, w) = 4 * model.width, 8 * model.width, model.grid
  yield from _dense(net + 'ppc_enc.0', (hidden, modality.size, 1, 1), (ours, 'Dense_0', ''))
  yield from _residual(net + 'ppc_enc.2', (wide, hidden), (ours, 'ResidualDense_0'))
  yield from _dense(net + 'ppc_enc.4', (hidden, wide, 1, 1), (ours, 'Dense_1', ''))
  yield from _residual(net + 'enc.0', (wide, hidden + QUERY_SIZE), (ours, 'ResidualDense_1'))
  yield from _dense(net + 'enc.2', (hidden, wide, 1, 1), (ours, 'Dense_2', ''))
  yield _Link(
    net + 'enc.4.weight',
    (wide * h * w, hidden, 1, 1),
    (ours, 'Dense_3', 'kernel'),
    (wide, h, w, hidden),
    (3, 1, 2, 0),
  )
  yield _Link(
    net + 'enc.4.bias', (wide * h * w,), (ours, 'Dense_3', 'bias'), (wide, h, w), (1, 2, 0)
  )


def _residual(
  name: str, channels: tuple[int, int], path: tuple[str, str], size: int | None = None
) -> Iterator[_Link]:
  for part, kernel in (('main', size or 1), ('skip', 1)):
    shape = (*channels, kernel, kernel)
    yield from (_dense if size is None else _convolution)(f'{name}.{part}', shape, (*path, part))


def _convolution(
  name: str, shape: tuple[int, ...], path: tuple[str, ...], *, transposed: bool = False
) -> Iterator[_Link]:
  """OIHW, or IOHW if transposed, to HWIO."""
  axes = (2, 3, 0, 1) if transposed else (2, 3, 1, 0)
  yield from _affine(name, shape, path, shape, axes, outputs=shape[1] if transposed else shape[0])


def _dense(name: str, shape: tuple[int, ...], path: tuple[str, ...]) -> Iterator[_Link]:
  """(O, I), or (O, I, 1, 1), to (I, O)."""
  yield from _affine(name, shape, path, shape[:2], (1, 0), outputs=shape[0])


def _affine(name, shape, path, split, axes, *, outputs) -> Iterator[_Link]:
  *folders, prefix = path
  prefix = f'{prefix}_' if prefix else ''
  assert math.prod(shape) == math.prod(split)
  yield _Link(f'{name}.weight', shape, (*folders, f'{prefix}kernel'), split, axes)
  yield _Link(f'{name}.bias', (outputs,), (*folders, f'{prefix}bias'), (outputs,), (0,))


class _Networks(NamedTuple):
  """The authors' networks of a sense.

  Attributes:
    encoder: the links of a modality's encoder, from the model and both sides' prefixes.
    decoder: likewise of what its renderer does with hidden states.
    spatial: whether representations are stored as maps rather than as vectors.
  """

  encoder: Callable[[GMN, str, str, Modality], Iterator[_Link]]
  decoder: Callable[[GMN, str, str, Modality], Iterator[_Link]]
  spatial: bool


_OF_SENSE: dict[Sense, _Networks] = {
  IMAGE: _Networks(_image_encoder_links, _image_decoder_links, spatial=True),
  HAPTIC: _Networks(_haptic_encoder_links, _haptic_decoder_links, spatial=False),
}


def _of_sense(modality: Modality) -> _Networks:
  if modality.sense not in _OF_SENSE:
    raise UserError(
      f"the authors' code has no sense '{modality.sense}', of which modality '{modality.name}' is; "
      f'convert models of {" and ".join(map(str, _OF_SENSE))} only.'
    )
  return _OF_SENSE[modality.sense]
