"""Which tensor of the authors' networks is which of our parameters, one `Link` each."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gmn_jax.model import GMN
from gmn_jax.senses import HAPTIC, IMAGE, Modality, Sense
from gmn_jax.senses.query import QUERY_SIZE
from mese_env.errors import UserError


@dataclasses.dataclass(frozen=True)
class Link:
  """One tensor of theirs and where it lies in ours.

  Ours is theirs, reshaped to `split`, its axes permuted by `axes`, reshaped to ours[path][index].
  """

  name: str
  shape: tuple[int, ...]
  path: tuple[str, ...]
  split: tuple[int, ...]
  axes: tuple[int, ...]
  index: tuple = ()


def links_of(model: GMN) -> Iterator[Link]:
  """The tensors of a model that the authors' code has, in their order.

  Raises:
    UserError: a modality is of a sense that it has not.
  """
  yield from _expert_links(model)
  for m, modality in enumerate(model.modalities):
    yield from _renderer_links(model, f'convdraw.renderers.{m}.', modality)
  for m, modality in enumerate(model.modalities):
    yield from _encoder_links(model, f'repnets.{m}.', modality)


def _expert_links(model: GMN) -> Iterator[Link]:
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
        yield Link(
          f'{prefix}{name}.weight', shape, ('experts', f'{side}_{ours}_kernel'),
          (size_out, size_in, 5, 5),
          (2, 3, 1, 0), (expert, ..., span),
        )  # fmt: skip
        yield Link(
          f'{prefix}{name}.bias',
          (size_out,),
          ('experts', f'{side}_{ours}_bias'),
          (size_out,),
          (0,),
          (expert, span),
        )


def _renderer_links(model: GMN, prefix: str, modality: Modality) -> Iterator[Link]:
  ours, width = f'renderers_{modality.name}', model.width
  inputs = model.steps * model.latent + QUERY_SIZE + width
  yield from _convolution(prefix + 'rnn_p.gates', (4 * width, inputs, 5, 5), (ours, 'gates'))
  yield from _of_sense(modality).decoder(model, prefix + 'decoder.', ours, modality)


def _image_decoder_links(model: GMN, prefix: str, ours: str, modality: Modality) -> Iterator[Link]:
  width, channels = model.width, modality.shape[-1]
  yield from _convolution(prefix + 'decode', (width // 2, width, 5, 5), (ours, 'decode'))
  yield from _convolution(
    prefix + 'convt', (width // 2, width, 4, 4), (ours, 'enlarge'), transposed=True
  )
  yield from _convolution(
    prefix + 'convt2', (width, channels, 4, 4), (ours, 'last', ''), transposed=True
  )


def _haptic_decoder_links(model: GMN, prefix: str, ours: str, modality: Modality) -> Iterator[Link]:
  width, hidden, (h, w) = model.width, 8 * model.width, model.grid
  # Theirs flattens channels first, ours channels last.
  yield Link(
    prefix + 'fc1.weight', (hidden, width * h * w), (ours, 'first', 'kernel'),
    (hidden, width, h, w), (2, 3, 1, 0),
  )  # fmt: skip
  yield Link(prefix + 'fc1.bias', (hidden,), (ours, 'first', 'bias'), (hidden,), (0,))
  yield from _dense(prefix + 'fc2', (hidden, hidden), (ours, 'second', ''))
  yield from _dense(prefix + 'fc3', (modality.size, hidden), (ours, 'last', ''))


def _encoder_links(model: GMN, prefix: str, modality: Modality) -> Iterator[Link]:
  wide, (h, w) = 4 * model.width, model.grid
  theirs = _of_sense(modality)
  initial = (1, wide, h, w) if theirs.spatial else (1, wide * h * w, 1, 1)
  yield Link(
    prefix + 'init_representation', initial, (f'initial_{modality.name}',), (wide, h, w), (1, 2, 0)
  )
  yield from theirs.encoder(model, prefix + 'repnet.', f'encoders_{modality.name}', modality)


def _image_encoder_links(model: GMN, net: str, ours: str, modality: Modality) -> Iterator[Link]:
  wide = 4 * model.width
  yield from _convolution(
    net + 'img_enc.0', (wide, modality.shape[-1], 2, 2), (ours, 'HalvingConv_0', '')
  )
  yield from _residual(net + 'img_enc.2', (wide // 2, wide), (ours, 'ResidualConv_0'), 3)
  yield from _convolution(net + 'img_enc.4', (wide, wide // 2, 2, 2), (ours, 'HalvingConv_1', ''))
  yield from _residual(net + 'enc.0', (wide // 2, wide + QUERY_SIZE), (ours, 'ResidualConv_1'), 3)
  yield from _convolution(net + 'enc.2', (wide, wide // 2, 3, 3), (ours, 'Conv_0', ''))
  yield from _convolution(net + 'enc.4', (wide, wide, 3, 3), (ours, 'Conv_1', ''))


def _haptic_encoder_links(model: GMN, net: str, ours: str, modality: Modality) -> Iterator[Link]:
  wide, hidden, (h, w) = 4 * model.width, 8 * model.width, model.grid
  yield from _dense(net + 'ppc_enc.0', (hidden, modality.size, 1, 1), (ours, 'Dense_0', ''))
  yield from _residual(net + 'ppc_enc.2', (wide, hidden), (ours, 'ResidualDense_0'))
  yield from _dense(net + 'ppc_enc.4', (hidden, wide, 1, 1), (ours, 'Dense_1', ''))
  yield from _residual(net + 'enc.0', (wide, hidden + QUERY_SIZE), (ours, 'ResidualDense_1'))
  yield from _dense(net + 'enc.2', (hidden, wide, 1, 1), (ours, 'Dense_2', ''))
  yield Link(
    net + 'enc.4.weight',
    (wide * h * w, hidden, 1, 1),
    (ours, 'Dense_3', 'kernel'),
    (wide, h, w, hidden),
    (3, 1, 2, 0),
  )
  yield Link(
    net + 'enc.4.bias', (wide * h * w,), (ours, 'Dense_3', 'bias'), (wide, h, w), (1, 2, 0)
  )


def _residual(
  name: str, channels: tuple[int, int], path: tuple[str, str], size: int | None = None
) -> Iterator[Link]:
  for part, kernel in (('main', size or 1), ('skip', 1)):
    shape = (*channels, kernel, kernel)
    yield from (_dense if size is None else _convolution)(f'{name}.{part}', shape, (*path, part))


def _convolution(
  name: str, shape: tuple[int, ...], path: tuple[str, ...], *, transposed: bool = False
) -> Iterator[Link]:
  """OIHW, or IOHW if transposed, to HWIO."""
  axes = (2, 3, 0, 1) if transposed else (2, 3, 1, 0)
  yield from _affine(name, shape, path, shape, axes, outputs=shape[1] if transposed else shape[0])


def _dense(name: str, shape: tuple[int, ...], path: tuple[str, ...]) -> Iterator[Link]:
  """(O, I), or (O, I, 1, 1), to (I, O)."""
  yield from _affine(name, shape, path, shape[:2], (1, 0), outputs=shape[0])


def _affine(name, shape, path, split, axes, *, outputs) -> Iterator[Link]:
  *folders, prefix = path
  prefix = f'{prefix}_' if prefix else ''
  assert math.prod(shape) == math.prod(split)
  yield Link(f'{name}.weight', shape, (*folders, f'{prefix}kernel'), split, axes)
  yield Link(f'{name}.bias', (outputs,), (*folders, f'{prefix}bias'), (outputs,), (0,))


class _Networks(NamedTuple):
  """The authors' networks of a sense.

  Attributes:
    encoder: the links of a modality's encoder, from the model and both sides' prefixes.
    decoder: likewise of what its renderer does with hidden states.
    spatial: whether representations are stored as maps rather than as vectors.
  """

  encoder: Callable[[GMN, str, str, Modality], Iterator[Link]]
  decoder: Callable[[GMN, str, str, Modality], Iterator[Link]]
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
